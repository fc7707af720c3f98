/** Sum and count of every account in every 10-second window, by index {@code window * ACCOUNTS + account}. */
final class Totals {
    static final int WINDOW_MS = 10_000;

    final int windows;
    final int[] count;
    final long[] cents;

    Totals(int windows) {
        this.windows = windows;
        count = new int[windows * Transactions.ACCOUNTS];
        cents = new long[windows * Transactions.ACCOUNTS];
    }

    /** What is true of the first {@code records} of the sequence. */
    static Totals of(long records, long seed) {
        Totals truth = new Totals((int) ((records + Transactions.DISORDER_MS) / WINDOW_MS) + 1);
        Transactions transactions = new Transactions(seed);
        for (long i = 0; i < records; i++) {
            transactions.next(i);
            int at = truth.index(transactions.time, transactions.account);
            truth.count[at]++;
            truth.cents[at] += transactions.cents;
        }
        return truth;
    }

    /** The index of the window that a time falls into, or -1 if there is none such. */
    int index(long time, int account) {
        long window = Math.floorDiv(time - Transactions.BASE, (long) WINDOW_MS);
        boolean known = window >= 0 && window < windows && account >= 0 && account < Transactions.ACCOUNTS;
        return known ? (int) window * Transactions.ACCOUNTS + account : -1;
    }
}
