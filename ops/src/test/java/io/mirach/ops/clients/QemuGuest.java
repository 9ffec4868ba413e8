package io.mirach.ops.clients;

import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/**
 * A running guest with one NBD disk, its serial console, and QEMU's control socket. For one thread.
 */
final class QemuGuest implements AutoCloseable {
    /** The last word of the step {@code churn}: rounds and blocks. */
    static final Pattern ALL_HOLDS =
            Pattern.compile("MIRACH-GUEST churned ([0-9]+) rounds, ([0-9]+) blocks hold");

    private static final Duration SOON = Duration.ofMinutes(2);
    private static final Pattern ROUND = Pattern.compile("MIRACH-GUEST round ([0-9]+)");

    private final ObjectMapper json = new ObjectMapper();
    private final Path consoleLog;
    private final Path consoleSocket;
    private final Command.Running qemu;
    private final SocketChannel control;
    private final List<JsonNode> events = new ArrayList<>();
    private final ByteBuffer received = ByteBuffer.allocate(1 << 16).flip();

    /**
     * @param name names its files in {@code folder}, whose path must be short
     * @param disk options of QEMU's NBD driver
     * @param more further options of QEMU
     */
    QemuGuest(Path folder, String name, GuestImage image, String step, String disk, String... more)
            throws IOException {
        consoleLog = folder.resolve(name + ".console");
        consoleSocket = folder.resolve(name + ".tty");
        Path controlSocket = folder.resolve(name + ".qmp");
        List<String> words =
                image.boot(
                        step,
                        "-m",
                        "160",
                        "-display",
                        "none",
                        "-blockdev",
                        "driver=nbd,node-name=disk0,cache.direct=on," + disk,
                        "-device",
                        "virtio-blk-pci,id=vda,drive=disk0,werror=stop,rerror=stop",
                        "-chardev",
                        "socket,id=tty,server=on,wait=off,path="
                                + consoleSocket
                                + ",logfile="
                                + consoleLog,
                        "-serial",
                        "chardev:tty",
                        "-qmp",
                        "unix:" + controlSocket + ",server=on,wait=off");
        words.addAll(List.of(more));
        qemu = Command.of(words).start();
        await().atMost(SOON).until(() -> Files.exists(controlSocket) || !qemu.process().isAlive());
        control = connect(controlSocket);
        readLine();
        control("qmp_capabilities", Map.of());
    }

    private SocketChannel connect(Path socket) throws IOException {
        SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            channel.connect(UnixDomainSocketAddress.of(socket));
            return channel;
        } catch (IOException e) {
            channel.close();
            close();
            throw new IOException("QEMU does not run: " + qemu.output(), e);
        }
    }

    /** Has QEMU do something; fails if it refuses. */
    JsonNode control(String command, Map<String, ?> arguments) throws IOException {
        String line =
                json.writeValueAsString(Map.of("execute", command, "arguments", arguments)) + "\n";
        send(control, line);
        while (true) {
            JsonNode answer = json.readTree(readLine());
            if (answer.has("event")) {
                events.add(answer);
            } else if (answer.has("return")) {
                return answer.get("return");
            } else {
                throw new AssertionError(command + ": " + answer);
            }
        }
    }

    private static void send(SocketChannel channel, String text) throws IOException {
        ByteBuffer bytes = StandardCharsets.US_ASCII.encode(text);
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    private String readLine() throws IOException {
        StringBuilder line = new StringBuilder();
        while (true) {
            while (received.hasRemaining()) {
                char next = (char) received.get();
                if (next == '\n') {
                    return line.toString();
                }
                line.append(next);
            }
            received.clear();
            int count = control.read(received);
            received.flip();
            if (count < 0) {
                throw new IOException("QEMU ended: " + qemu.output());
            }
        }
    }

    /** {@code running}, {@code postmigrate}, {@code io-error} and so on. */
    String status() throws IOException {
        return control("query-status", Map.of()).get("status").asText();
    }

    void awaitStatus(String wanted) {
        await().atMost(SOON).until(() -> status().equals(wanted));
    }

    /** What QEMU told of its own accord, up to the last answer. */
    List<JsonNode> events(String name) {
        return events.stream().filter(e -> e.get("event").asText().equals(name)).toList();
    }

    /** A line for the guest. */
    void say(String line) throws IOException {
        try (SocketChannel tty = connect(consoleSocket)) {
            send(tty, line + "\n");
        }
    }

    /** The number of the last round that the guest has told of; -1 if none. */
    long lastRound() throws IOException {
        return ROUND.matcher(console())
                .results()
                .mapToLong(round -> Long.parseLong(round.group(1)))
                .max()
                .orElse(-1);
    }

    /** Waits until the guest has told of a later round. */
    void awaitRoundAfter(long round) throws IOException {
        await().atMost(SOON)
                .until(() -> lastRound() > round || console().contains("MIRACH-GUEST failed"));
        if (console().contains("MIRACH-GUEST failed")) {
            throw new AssertionError(console());
        }
    }

    /** Waits for the guest's last word, and for QEMU to end. */
    MatchResult awaitEnd(Pattern lastWord) throws IOException {
        qemu.end(SOON);
        String said = console();
        return lastWord.matcher(said)
                .results()
                .reduce((one, later) -> later)
                .orElseThrow(() -> new AssertionError(said));
    }

    private String console() throws IOException {
        return Files.exists(consoleLog)
                ? Files.readString(consoleLog, StandardCharsets.ISO_8859_1)
                : "";
    }

    @Override
    public void close() {
        qemu.close();
    }
}
