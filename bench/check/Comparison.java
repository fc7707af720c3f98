/** Rows as they come, held against the truth. */
final class Comparison {
    private final Totals truth;
    private final byte[] seen;
    private long rows;
    private long repeated;
    private long wrong;
    private long alien;

    Comparison(Totals truth) {
        this.truth = truth;
        seen = new byte[truth.count.length];
    }

    void add(Row row) {
        rows++;
        int at = truth.index(row.windowStart, row.account);
        if (at < 0 || truth.count[at] == 0) {
            alien++;
        } else if (seen[at]++ > 0) {
            repeated++;
        } else if (row.count != truth.count[at] || row.cents != truth.cents[at]) {
            wrong++;
        }
    }

    boolean exact(boolean openEnd) {
        return rows > 0 && repeated == 0 && wrong == 0 && alien == 0 && (openEnd ? holes() : missing()) == 0;
    }

    String report(boolean openEnd) {
        return String.format("%s: %d rows, %d missing (%d before a later row of the same account), %d repeated, %d wrong, %d alien",
            exact(openEnd) ? "exact" : "WRONG", rows, missing(), holes(), repeated, wrong, alien);
    }

    private long missing() {
        long missing = 0;
        for (int at = 0; at < seen.length; at++) {
            if (truth.count[at] > 0 && seen[at] == 0) missing++;
        }
        return missing;
    }

    /** Rows that are missing although a later one of the same account is there. */
    private long holes() {
        long holes = 0;
        for (int account = 0; account < Transactions.ACCOUNTS; account++) {
            boolean later = false;
            for (int at = seen.length - Transactions.ACCOUNTS + account; at >= 0; at -= Transactions.ACCOUNTS) {
                if (seen[at] > 0) later = true;
                else if (later && truth.count[at] > 0) holes++;
            }
        }
        return holes;
    }
}
