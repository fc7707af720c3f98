import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** What both jobs run under: one process with two slots, state on the heap, a checkpoint (and so a commit) every second. */
final class Settings {
    static final String GROUP = "bench-flink";

    static StreamExecutionEnvironment environment(String checkpoints) {
        Configuration settings = new Configuration();
        settings.setString("parallelism.default", "2");
        settings.setString("taskmanager.numberOfTaskSlots", "2");
        settings.setString("taskmanager.memory.managed.size", "512m");
        settings.setString("taskmanager.memory.network.min", "128m");
        settings.setString("taskmanager.memory.network.max", "128m");
        settings.setString("state.backend.type", "hashmap");
        settings.setString("execution.runtime-mode", "STREAMING");
        settings.setString("execution.checkpointing.interval", "1 s");
        settings.setString("execution.checkpointing.dir", "file://" + checkpoints);
        settings.setString("restart-strategy.type", "disable");
        settings.setString("pipeline.object-reuse", "true");
        return StreamExecutionEnvironment.getExecutionEnvironment(settings);
    }
}
