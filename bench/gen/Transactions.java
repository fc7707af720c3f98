import java.nio.charset.StandardCharsets;
import java.time.LocalDate;
import java.util.Arrays;

/** A sequence of transactions that depends on its seed alone. Record i happens up to two seconds before BASE + 2 s + i ms. */
final class Transactions {
    /** 2026-01-01T00:00:00Z in milliseconds. */
    static final long BASE = 1_767_225_600_000L;
    static final int ACCOUNTS = 10_000;
    static final int DISORDER_MS = 2_000;

    private static final String[] CATEGORIES = {
        "electronics", "groceries", "travel", "dining", "fuel", "clothing", "health", "utilities", "rent", "insurance",
        "gaming", "music", "books", "sports", "toys", "garden", "pets", "beauty", "gifts", "transport"
    };
    private static final String[] CURRENCIES = {"USD", "EUR", "GBP", "JPY"};
    private static final String[] TYPES = {"debit", "credit"};
    private static final byte[] HEX = "0123456789abcdef".getBytes(StandardCharsets.US_ASCII);
    private static final long DAY_MS = 86_400_000L;

    private final byte[] buffer = new byte[512];
    private int length;
    private long state;
    private long high;
    private long low;
    private long choice;
    private int category;
    private long day = -1;
    private String dayText;

    /** The current record: who, how much, and when in milliseconds since the epoch. */
    int account;
    long cents;
    long time;

    Transactions(long seed) {
        state = seed;
    }

    /** Moves on to record {@code index}; indices are to be taken in order from 0. */
    void next(long index) {
        high = random();
        low = random();
        long who = random();
        choice = random();
        account = (int) ((who >>> 1) % ACCOUNTS);
        cents = 100 + ((who >>> 20) & 0x7fff_ffffL) % 99_900;
        category = (int) ((choice >>> 3) % CATEGORIES.length);
        time = BASE + DISORDER_MS + index - ((choice >>> 17) % DISORDER_MS);
    }

    /** The current record's key. */
    byte[] key() {
        length = 0;
        text("ACC");
        digits(account, 6);
        return Arrays.copyOf(buffer, length);
    }

    /** The current record as JSON, about 205 bytes. */
    byte[] json() {
        length = 0;
        text("{\"tx_id\":\"");
        uuid();
        text("\",\"account\":\"ACC");
        digits(account, 6);
        text("\",\"amount\":");
        text(Long.toString(cents / 100));
        text(".");
        digits(cents % 100, 2);
        text(",\"currency\":\"");
        text(CURRENCIES[(int) ((choice >>> 40) & 3)]);
        text("\",\"merchant\":\"Merchant ");
        digits((choice >>> 42) % 5_000, 4);
        text("\",\"category\":\"");
        text(CATEGORIES[category]);
        text("\",\"timestamp\":\"");
        timestamp();
        text("\",\"type\":\"");
        text(TYPES[(int) ((choice >>> 60) & 1)]);
        text("\"}");
        return Arrays.copyOf(buffer, length);
    }

    /** SplitMix64. */
    private long random() {
        long z = (state += 0x9E3779B97F4A7C15L);
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    private void uuid() {
        hex(high >>> 32, 8);
        text("-");
        hex((high >>> 16) & 0xffff, 4);
        text("-");
        hex(0x4000 | (high & 0xfff), 4);
        text("-");
        hex(0x8000 | ((low >>> 48) & 0x3fff), 4);
        text("-");
        hex(low & 0xffff_ffff_ffffL, 12);
    }

    private void timestamp() {
        long today = time / DAY_MS;
        if (today != day) {
            day = today;
            dayText = LocalDate.ofEpochDay(today).toString();
        }
        long ms = time % DAY_MS;
        text(dayText);
        text("T");
        digits(ms / 3_600_000, 2);
        text(":");
        digits(ms / 60_000 % 60, 2);
        text(":");
        digits(ms / 1_000 % 60, 2);
        text(".");
        digits(ms % 1_000, 3);
        text("Z");
    }

    private void text(String ascii) {
        for (int i = 0; i < ascii.length(); i++) {
            buffer[length++] = (byte) ascii.charAt(i);
        }
    }

    private void digits(long value, int width) {
        for (int i = width - 1; i >= 0; i--) {
            buffer[length + i] = (byte) ('0' + value % 10);
            value /= 10;
        }
        length += width;
    }

    private void hex(long value, int width) {
        for (int i = width - 1; i >= 0; i--) {
            buffer[length++] = HEX[(int) ((value >>> (i * 4)) & 15)];
        }
    }
}
