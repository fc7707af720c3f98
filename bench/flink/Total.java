import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectWriter;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.serialization.SerializationSchema;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/** Sum and count of a window, and the row they become. */
public class Total {
    public double sum;
    public long count;

    /** The fields of an output row. */
    public static class Row {
        public String account;
        public long ws;
        public double total;
        public long cnt;
    }

    static final class Add implements AggregateFunction<Payment, Total, Total> {
        @Override
        public Total createAccumulator() {
            return new Total();
        }

        @Override
        public Total add(Payment payment, Total total) {
            total.sum += payment.amount;
            total.count++;
            return total;
        }

        @Override
        public Total getResult(Total total) {
            return total;
        }

        @Override
        public Total merge(Total one, Total other) {
            one.sum += other.sum;
            one.count += other.count;
            return one;
        }
    }

    static final class Close extends ProcessWindowFunction<Total, Row, String, TimeWindow> {
        @Override
        public void process(String account, Context context, Iterable<Total> totals, Collector<Row> out) {
            Total total = totals.iterator().next();
            Row row = new Row();
            row.account = account;
            row.ws = context.window().getStart();
            row.total = Math.round(total.sum * 100) / 100.0;
            row.cnt = total.count;
            out.collect(row);
        }
    }

    static final class Writer implements SerializationSchema<Row> {
        private transient ObjectWriter writer;

        @Override
        public void open(InitializationContext context) {
            writer = new ObjectMapper().writerFor(Row.class);
        }

        @Override
        public byte[] serialize(Row row) {
            try {
                return writer.writeValueAsBytes(row);
            } catch (JsonProcessingException e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
