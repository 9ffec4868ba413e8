package io.mirach.server.node;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.mirach.client.transport.NodeAddress;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import io.mirach.server.chunk.ChunkServiceConfig;
import io.mirach.server.cluster.AttachmentTerms;
import io.mirach.server.store.StoreConfig;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Reads a node's configuration:
 *
 * <pre>{@code
 * name: node-1
 * data-dirs: [/var/lib/mirach/disk-1]
 * native-address: 10.0.0.1:7481
 * http-address: 10.0.0.1:7480
 * raft-address: 10.0.0.1:7482        # of the first data dir; the others take the ports after it
 * zone: zone-a                       # failure domains; may be left out
 * rack: rack-1
 * labels: {disk: nvme}
 * attachment-term: 30s               # a gateway unheard for so long may lose its volumes to another
 * limits:                            # all with defaults
 *   block-cache: 32MiB               # keys and indexes
 *   write-buffers: 128MiB            # blocks not yet in a file
 *   raft-queue: 32MiB                # per placement group: writes that wait for the log
 *   writes-in-flight: 32MiB          # per placement group: writes not yet answered
 *   reader-threads: 2
 *   queued-reads: 2048
 *   threads: 2                       # event loops
 * }</pre>
 *
 * Whatever is wrong fails with INVALID_CONFIG and names the file and the key.
 */
public final class NodeConfigFile {
    private static final ObjectMapper YAML =
            YAMLMapper.builder()
                    .propertyNamingStrategy(PropertyNamingStrategies.KEBAB_CASE)
                    .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
                    .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                    .build();
    private static final Pattern SIZE = Pattern.compile("([0-9]{1,9}) ?(KiB|MiB|GiB)");

    private static final Pattern TIME = Pattern.compile("([0-9]{1,9}) ?(ms|s|m)");

    /** The file as it is written. */
    record Content(
            String name,
            List<String> dataDirs,
            String nativeAddress,
            String httpAddress,
            String raftAddress,
            String zone,
            String rack,
            Map<String, String> labels,
            String attachmentTerm,
            Limits limits) {}

    /** The part under {@code limits}. */
    record Limits(
            String blockCache,
            String writeBuffers,
            String raftQueue,
            String writesInFlight,
            Integer readerThreads,
            Integer queuedReads,
            Integer threads) {
        static final Limits NONE = new Limits(null, null, null, null, null, null, null);
    }

    private NodeConfigFile() {}

    public static NodeConfig read(Path file) {
        Content content = parse(file, text(file));
        try {
            return configOf(content);
        } catch (IllegalArgumentException refused) {
            throw invalid(file, refused.getMessage());
        }
    }

    private static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (NoSuchFileException missing) {
            throw new MirachException(ErrorCode.INVALID_CONFIG, file + " does not exist", missing);
        } catch (CharacterCodingException notText) {
            throw new MirachException(ErrorCode.INVALID_CONFIG, file + " is not UTF-8", notText);
        } catch (IOException failure) {
            throw new MirachException(
                    ErrorCode.INVALID_CONFIG, "cannot read " + file + ": " + failure, failure);
        }
    }

    private static Content parse(Path file, String text) {
        try {
            Content content = YAML.readValue(text, Content.class);
            if (content == null) {
                throw invalid(file, "it is empty");
            }
            return content;
        } catch (UnrecognizedPropertyException unknown) {
            throw invalid(
                    file,
                    "unknown key '"
                            + unknown.getPropertyName()
                            + "'; known here are: "
                            + names(unknown.getKnownPropertyIds()));
        } catch (JsonMappingException wrong) {
            String key =
                    wrong.getPath().stream()
                            .map(JsonMappingException.Reference::getFieldName)
                            .filter(Objects::nonNull)
                            .collect(Collectors.joining("."));
            throw invalid(
                    file,
                    (key.isEmpty() ? "" : key + ": ") + firstLine(wrong.getOriginalMessage()));
        } catch (JsonProcessingException wrong) {
            String place =
                    wrong.getLocation() == null
                            ? ""
                            : "line " + wrong.getLocation().getLineNr() + ": ";
            throw invalid(file, place + firstLine(wrong.getOriginalMessage()));
        }
    }

    private static String names(Collection<Object> keys) {
        return keys.stream().map(String::valueOf).sorted().collect(Collectors.joining(", "));
    }

    private static String firstLine(String message) {
        return message.lines().findFirst().orElse("malformed");
    }

    private static MirachException invalid(Path file, String why) {
        return new MirachException(ErrorCode.INVALID_CONFIG, file + ": " + why);
    }

    private static NodeConfig configOf(Content content) {
        Limits limits = Optional.ofNullable(content.limits()).orElse(Limits.NONE);
        Map<String, String> labels = Optional.ofNullable(content.labels()).orElse(Map.of());
        if (labels.values().stream().anyMatch(Objects::isNull)) {
            throw new IllegalArgumentException("labels: every label needs a value");
        }
        return new NodeConfig(
                required("name", content.name()),
                dataDirs(required("data-dirs", content.dataDirs())),
                address("native-address", content.nativeAddress()),
                address("http-address", content.httpAddress()),
                address("raft-address", content.raftAddress()),
                Optional.ofNullable(content.zone()).orElse(""),
                Optional.ofNullable(content.rack()).orElse(""),
                labels,
                storeOf(limits),
                chunksOf(limits),
                size("limits.raft-queue", limits.raftQueue(), NodeConfig.DEFAULT_RAFT_QUEUE_BYTES),
                Optional.ofNullable(limits.threads()).orElse(NodeConfig.DEFAULT_EVENT_LOOPS),
                time("attachment-term", content.attachmentTerm(), AttachmentTerms.DEFAULT_TERM));
    }

    private static StoreConfig storeOf(Limits limits) {
        StoreConfig defaults = StoreConfig.defaults();
        return new StoreConfig(
                size("limits.block-cache", limits.blockCache(), defaults.blockCacheBytes()),
                size("limits.write-buffers", limits.writeBuffers(), defaults.writeBufferBytes()),
                defaults.groupWriteBufferBytes(),
                defaults.blobFileBytes(),
                defaults.backgroundJobs(),
                defaults.maxOpenFiles(),
                defaults.flushOnClose());
    }

    private static ChunkServiceConfig chunksOf(Limits limits) {
        ChunkServiceConfig defaults = ChunkServiceConfig.defaults();
        return new ChunkServiceConfig(
                size(
                        "limits.writes-in-flight",
                        limits.writesInFlight(),
                        defaults.maxWriteBytesInFlight()),
                Optional.ofNullable(limits.readerThreads()).orElse(defaults.readerThreads()),
                Optional.ofNullable(limits.queuedReads()).orElse(defaults.maxQueuedReads()));
    }

    private static <T> T required(String key, T value) {
        if (value == null) {
            throw new IllegalArgumentException("'" + key + "' is missing");
        }
        return value;
    }

    private static List<Path> dataDirs(List<String> texts) {
        if (texts.contains(null)) {
            throw new IllegalArgumentException("data-dirs: an element is empty");
        }
        try {
            return texts.stream().map(t -> Path.of(t).toAbsolutePath().normalize()).toList();
        } catch (InvalidPathException malformed) {
            throw new IllegalArgumentException("data-dirs: " + malformed.getMessage(), malformed);
        }
    }

    private static NodeAddress address(String key, String text) {
        try {
            return NodeAddress.parse(required(key, text));
        } catch (MirachException malformed) {
            throw new IllegalArgumentException(key + ": " + malformed.getMessage(), malformed);
        }
    }

    private static Duration time(String key, String text, Duration defaultTime) {
        if (text == null) {
            return defaultTime;
        }
        Matcher parts = TIME.matcher(text.strip());
        if (!parts.matches()) {
            throw new IllegalArgumentException(key + ": not a time such as 30s: '" + text + "'");
        }
        long units = Long.parseLong(parts.group(1));
        return switch (parts.group(2)) {
            case "ms" -> Duration.ofMillis(units);
            case "m" -> Duration.ofMinutes(units);
            default -> Duration.ofSeconds(units);
        };
    }

    private static long size(String key, String text, long defaultBytes) {
        if (text == null) {
            return defaultBytes;
        }
        Matcher parts = SIZE.matcher(text.strip());
        if (!parts.matches()) {
            throw new IllegalArgumentException(key + ": not a size such as 64MiB: '" + text + "'");
        }
        int shift =
                switch (parts.group(2)) {
                    case "KiB" -> 10;
                    case "MiB" -> 20;
                    default -> 30;
                };
        return Long.parseLong(parts.group(1)) << shift;
    }
}
