"""A schema registry to test with: as much of Confluent's API as is used, which can be made to fail."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ANSWER = "application/vnd.schemaregistry.v1+json"


class Registry:
    """A registry at an address of this machine. Its numbers begin at `first`, so that they take more than a byte."""

    def __init__(self, login: tuple[str, str] | None = None, first: int = 1000):
        self.login = login
        self.down = False  # answers nothing but errors
        self.refuses = False  # takes no new schema
        self.first = first
        self.schemas: list[dict] = []
        self.subjects: dict[str, list[int]] = {}
        self.asked: list[str] = []
        self.lock = threading.Lock()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def put_away(self):
        self.server.shutdown()
        self.server.server_close()

    def register(self, subject: str, schema: str, kind: str = "AVRO", references: list[dict] | None = None) -> int:
        """Registers a schema; the same text has the same number under every subject."""
        entry = {"schema": schema, "schemaType": kind, "references": references or []}
        with self.lock:
            if entry not in self.schemas:
                self.schemas.append(entry)
            number = self.first + self.schemas.index(entry)
            versions = self.subjects.setdefault(subject, [])
            if number not in versions:
                versions.append(number)
            return number

    def schema(self, number: int) -> dict | None:
        index = number - self.first
        return self.schemas[index] if 0 <= index < len(self.schemas) else None

    def latest(self, subject: str) -> dict:
        """The newest schema of a subject, with its number."""
        number = self.subjects[subject][-1]
        return {"id": number, **self.schema(number)}

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, dict]:
        """Status and body of the answer to a request."""
        with self.lock:
            self.asked.append(f"{method} {path}")
        if self.down:
            return 503, {"error_code": 50301, "message": "down for a while"}
        match method, path.split("?")[0].strip("/").split("/"):
            case "GET", ["schemas", "ids", number]:
                found = self.schema(int(number))
                return (200, shown(found)) if found else (404, {"error_code": 40403, "message": f"Schema {number} not found"})
            case "GET", ["subjects", subject, "versions", version]:
                numbers = self.subjects.get(subject, [])
                index = len(numbers) if version == "latest" else int(version)
                if not 1 <= index <= len(numbers):
                    return 404, {"error_code": 40402, "message": "Version not found"}
                number = numbers[index - 1]
                return 200, {"subject": subject, "version": index, "id": number, **shown(self.schema(number))}
            case "POST", ["subjects", subject, "versions"]:
                if self.refuses:
                    return 409, {"error_code": 409, "message": "Schema being registered is incompatible"}
                asked = json.loads(body)
                return 200, {"id": self.register(subject, asked["schema"], asked.get("schemaType", "AVRO"))}
        return 404, {"error_code": 404, "message": "HTTP 404 Not Found"}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def respond(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if registry.login and self.headers.get("Authorization") != basic(*registry.login):
                    status, answer = 401, {"error_code": 401, "message": "Unauthorized"}
                else:
                    status, answer = registry.answer(self.command, self.path, body)
                text = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", ANSWER)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = respond  # noqa: N815

            def log_message(self, *_):
                pass

        return Handler


def shown(entry: dict) -> dict:
    """As Confluent's registry has it: AVRO, which is the default, is not said, nor that there are no references."""
    said = {"schema": entry["schema"]}
    if entry["schemaType"] != "AVRO":
        said["schemaType"] = entry["schemaType"]
    if entry["references"]:
        said["references"] = entry["references"]
    return said


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def framed(number: int, record: bytes) -> bytes:
    """A record as Confluent's serializers write it."""
    return b"\0" + number.to_bytes(4, "big") + record


def unframed(record: bytes) -> tuple[int, bytes]:
    """The schema's number, and the rest."""
    assert record[0] == 0, record
    return int.from_bytes(record[1:5], "big"), record[5:]
