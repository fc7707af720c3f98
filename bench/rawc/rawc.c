// rawc BOOTSTRAP TOPIC: reads a whole topic in batches and does nothing with it. What librdkafka alone costs.
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BATCH = 10000 };

static void fail(const char *what) {
    fprintf(stderr, "rawc: %s\n", what);
    exit(1);
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
    char error[512];
    if (rd_kafka_conf_set(conf, name, value, error, sizeof error) != RD_KAFKA_CONF_OK) fail(error);
}

static rd_kafka_t *consumer(const char *bootstrap) {
    char error[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", bootstrap);
    set(conf, "group.id", "rawc");
    set(conf, "enable.auto.commit", "false");
    set(conf, "enable.partition.eof", "true");
    set(conf, "fetch.message.max.bytes", "4194304");
    set(conf, "queued.max.messages.kbytes", "262144");
    set(conf, "queued.min.messages", "1000000");
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof error);
    if (!client) fail(error);
    return client;
}

static int partitions(rd_kafka_t *client, rd_kafka_topic_t *topic) {
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t err = rd_kafka_metadata(client, 0, topic, &metadata, 10000);
    if (err) fail(rd_kafka_err2str(err));
    int count = metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    return count;
}

int main(int argc, char **argv) {
    if (argc != 3) fail("usage: rawc BOOTSTRAP TOPIC");
    rd_kafka_t *client = consumer(argv[1]);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, argv[2], NULL);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    int open = partitions(client, topic);
    for (int i = 0; i < open; i++) rd_kafka_consume_start_queue(topic, i, RD_KAFKA_OFFSET_BEGINNING, queue);

    static rd_kafka_message_t *messages[BATCH];
    long records = 0, bytes = 0;
    while (open > 0) {
        ssize_t count = rd_kafka_consume_batch_queue(queue, 100, messages, BATCH);
        for (ssize_t i = 0; i < count; i++) {
            rd_kafka_message_t *message = messages[i];
            if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
                open--;
            } else if (message->err) {
                fail(rd_kafka_message_errstr(message));
            } else {
                records++;
                bytes += (long)message->len;
            }
            rd_kafka_message_destroy(message);
        }
    }
    printf("read %ld records, %ld bytes, with librdkafka %s\n", records, bytes, rd_kafka_version_str());
    fflush(stdout);
    _exit(0);
}
