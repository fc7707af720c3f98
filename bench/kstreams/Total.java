import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.ByteBuffer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.kstream.Windowed;

/** Sum and count of a window, and the row they become. */
final class Total {
    private static final ObjectMapper JSON = new ObjectMapper();

    private double sum;
    private long count;

    /** The fields of an output row. */
    record Row(String account, long ws, double total, long cnt) {}

    Total add(Payment payment) {
        sum += payment.amount;
        count++;
        return this;
    }

    byte[] row(Windowed<String> key) {
        try {
            return JSON.writeValueAsBytes(new Row(key.key(), key.window().start(), Math.round(sum * 100) / 100.0, count));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    static Serde<Total> serde() {
        return Serdes.serdeFrom((topic, total) -> total == null ? null : total.pack(), (topic, bytes) -> unpack(bytes));
    }

    private byte[] pack() {
        return ByteBuffer.allocate(16).putDouble(sum).putLong(count).array();
    }

    private static Total unpack(byte[] bytes) {
        if (bytes == null) return null;
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        Total total = new Total();
        total.sum = buffer.getDouble();
        total.count = buffer.getLong();
        return total;
    }
}
