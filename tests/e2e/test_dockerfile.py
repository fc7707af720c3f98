"""What Docker is told, where no Docker is needed to see that it is right."""

import shutil
import subprocess
import tomllib

import pytest

from harness.cluster import FIXTURE, ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()
WORKSPACE = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]


def test_the_build_is_given_every_crate_and_its_settings():
    given = (ROOT / ".dockerignore").read_text().splitlines()
    assert {"!Cargo.toml", "!Cargo.lock", "!.cargo", "!image"} <= set(given)
    for member in WORKSPACE["members"]:
        assert f"!{member}" in given or {f"!{member}/Cargo.toml", f"!{member}/src"} <= set(given), member


def test_it_builds_with_the_projects_rust():
    assert f"ARG RUST={WORKSPACE['package']['rust-version']}\n" in DOCKERFILE


def test_all_that_is_in_the_image_is_laid_out_by_the_one_script():
    build, image = DOCKERFILE.split("\nFROM scratch\n")
    assert "image/rootfs.sh target/release /rootfs" in build
    copied = [line for line in image.splitlines() if line.startswith(("COPY", "ADD", "RUN"))]
    assert copied == ["COPY --from=build /rootfs /"]


@pytest.fixture
def built(tmp_path):
    """A folder of programs that are none of ours, but are linked to libraries as ours are."""
    folder = tmp_path / "built"
    folder.mkdir()
    for program in ("tidemill", "tidemill-operator", "tidemill-worker"):
        shutil.copy("/usr/bin/openssl", folder / program)
    return folder


def test_the_same_programs_make_the_same_image(built, tmp_path):
    images = []
    for name in ("one", "two"):
        root = tmp_path / name
        subprocess.run([ROOT / "image" / "rootfs.sh", built, root], check=True)
        subprocess.run([FIXTURE / "image.sh", "-r", root, "-o", tmp_path / f"{name}.tar", "tidemill:test"], check=True)
        layers = subprocess.run(["tar", "-xOf", tmp_path / f"{name}.tar", "manifest.json"], check=True, capture_output=True).stdout
        images.append(layers)
    assert images[0] == images[1]


def test_programs_find_their_libraries_in_the_image_and_run_as_nobody_special(built, tmp_path):
    root = tmp_path / "root"
    subprocess.run([ROOT / "image" / "rootfs.sh", built, root], check=True)
    inside = ["chroot", "--userspec=65532:65532", str(root), "/usr/local/bin/kubectl-tidemill", "version"]
    assert subprocess.run(inside, check=True, capture_output=True, text=True).stdout.startswith("OpenSSL")
