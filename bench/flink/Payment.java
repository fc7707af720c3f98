import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import java.io.IOException;
import java.time.Instant;
import org.apache.flink.api.common.serialization.AbstractDeserializationSchema;

/** What is read of a record. */
@JsonIgnoreProperties(ignoreUnknown = true)
public class Payment {
    public String account;
    public double amount;
    public String timestamp;
    public long time;

    static final class Reader extends AbstractDeserializationSchema<Payment> {
        private transient ObjectReader reader;

        @Override
        public void open(InitializationContext context) {
            reader = new ObjectMapper().readerFor(Payment.class);
        }

        @Override
        public Payment deserialize(byte[] bytes) throws IOException {
            Payment payment = reader.readValue(bytes);
            payment.time = Instant.parse(payment.timestamp).toEpochMilli();
            payment.timestamp = ""; // not needed any more, and costs on the way to the other slot
            return payment;
        }
    }
}
