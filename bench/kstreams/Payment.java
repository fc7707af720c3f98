import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Instant;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/** What is read of a record. */
@JsonIgnoreProperties(ignoreUnknown = true)
public final class Payment {
    public String account;
    public double amount;
    public String timestamp;
    long time;

    private static final ObjectReader READER = new ObjectMapper().readerFor(Payment.class);

    static Serde<Payment> serde() {
        return Serdes.serdeFrom(
            (topic, payment) -> {
                throw new UnsupportedOperationException("payments are only read");
            },
            (topic, bytes) -> read(bytes));
    }

    private static Payment read(byte[] bytes) {
        try {
            Payment payment = READER.readValue(bytes);
            payment.time = Instant.parse(payment.timestamp).toEpochMilli();
            return payment;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
