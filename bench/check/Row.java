import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;

/** One output row, read from JSON with the fields account, ws (epoch milliseconds or a timestamp as text), total and cnt. */
final class Row {
    private static final Map<String, Long> TIMES = new HashMap<>();

    final int account;
    final long windowStart;
    final long cents;
    final long count;

    Row(byte[] value) {
        String json = new String(value, StandardCharsets.ISO_8859_1);
        account = Integer.parseInt(field(json, "account").substring("ACC".length()));
        windowStart = TIMES.computeIfAbsent(field(json, "ws"), Row::time);
        cents = Math.round(Double.parseDouble(field(json, "total")) * 100);
        count = Long.parseLong(field(json, "cnt"));
    }

    private static long time(String text) {
        if (text.indexOf('-') < 0) return Long.parseLong(text);
        String iso = text.replace(' ', 'T');
        return Instant.parse(iso.endsWith("Z") ? iso : iso + "Z").toEpochMilli();
    }

    private static String field(String json, String name) {
        int at = json.indexOf("\"" + name + "\":");
        if (at < 0) throw new IllegalArgumentException("no field " + name + " in " + json);
        int start = at + name.length() + 3;
        while (json.charAt(start) == ' ') start++;
        if (json.charAt(start) == '"') return json.substring(start + 1, json.indexOf('"', start + 1));
        int end = start;
        while (",}".indexOf(json.charAt(end)) < 0) end++;
        return json.substring(start, end).trim();
    }
}
