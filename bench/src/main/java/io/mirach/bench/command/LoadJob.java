package io.mirach.bench.command;

import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One kind of load, named as in {@code randwrite-4k-qd32}.
 *
 * @param requestBytes a multiple of 4 KiB
 * @param depth requests outstanding at a time
 */
record LoadJob(boolean random, boolean write, int requestBytes, int depth) {
    static final int BLOCK_BYTES = 4096;
    static final int MAX_REQUEST_BYTES = 4 << 20;
    static final int MAX_DEPTH = 1024;

    /** What runs unless jobs are chosen: the writes first, so that the reads find them. */
    static final List<LoadJob> DEFAULTS =
            List.of(
                    new LoadJob(true, true, BLOCK_BYTES, 1),
                    new LoadJob(true, true, BLOCK_BYTES, 32),
                    new LoadJob(true, false, BLOCK_BYTES, 1),
                    new LoadJob(true, false, BLOCK_BYTES, 32),
                    new LoadJob(false, true, 128 << 10, 16),
                    new LoadJob(false, false, 128 << 10, 16));

    private static final Pattern NAME =
            Pattern.compile("(rand|seq)(read|write)-([0-9]{1,5})k-qd([0-9]{1,5})");

    LoadJob {
        if (requestBytes < BLOCK_BYTES
                || requestBytes % BLOCK_BYTES != 0
                || requestBytes > MAX_REQUEST_BYTES
                || depth < 1
                || depth > MAX_DEPTH) {
            throw new IllegalArgumentException(requestBytes + " bytes at depth " + depth);
        }
    }

    String name() {
        return (random ? "rand" : "seq")
                + (write ? "write" : "read")
                + "-"
                + requestBytes / 1024
                + "k-qd"
                + depth;
    }

    /** Reads names, separated by commas; INVALID_ARGUMENT names the one that is none. */
    static List<LoadJob> parseList(String names) {
        List<LoadJob> jobs = new ArrayList<>();
        for (String name : names.split(",", -1)) {
            jobs.add(parse(name.strip()));
        }
        return List.copyOf(jobs);
    }

    private static LoadJob parse(String name) {
        Matcher matcher = NAME.matcher(name);
        if (!matcher.matches()) {
            throw invalid("'" + name + "' is not a job");
        }
        int kibibytes = Integer.parseInt(matcher.group(3));
        int depth = Integer.parseInt(matcher.group(4));
        if (kibibytes < 4 || kibibytes % 4 != 0 || kibibytes > MAX_REQUEST_BYTES >> 10) {
            throw invalid("'" + name + "': a request has a multiple of 4 KiB, at most 4096 KiB");
        }
        if (depth < 1 || depth > MAX_DEPTH) {
            throw invalid("'" + name + "': the depth is from 1 to " + MAX_DEPTH);
        }
        return new LoadJob(
                matcher.group(1).equals("rand"),
                matcher.group(2).equals("write"),
                kibibytes << 10,
                depth);
    }

    private static MirachException invalid(String detail) {
        return new MirachException(ErrorCode.INVALID_ARGUMENT, detail)
                .withRemedy(
                        "write (rand|seq)(read|write)-SIZEk-qdDEPTH, e.g. randwrite-4k-qd32 or"
                                + " seqread-128k-qd16");
    }
}
