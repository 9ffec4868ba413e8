package io.mirach.gateway;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.mirach.nbd.NbdAddress;
import io.mirach.nbd.NbdLimits;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.HttpEndpoint;
import io.mirach.protocol.MirachException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Reads a gateway's configuration:
 *
 * <pre>{@code
 * name: hypervisor-1                 # default: the host's name
 * endpoints: [10.0.0.1:7480]
 * listen: [unix:///run/mirach/nbd.sock, tcp://127.0.0.1:10809]
 * state-dir: /var/lib/mirach/gateway
 * auto-attach: false                 # default
 * io-timeout: 0s                     # default: wait for the cluster, as a disk would
 * limits:                            # all with defaults
 *   connections: 64
 *   requests-in-flight: 1024         # per connection
 *   bytes-in-flight: 64MiB           # per connection
 *   memory: 256MiB                   # payload over all connections
 *   handshake-timeout: 30s
 *   stall-timeout: 30s
 *   shutdown-timeout: 20s
 *   threads: 2
 * }</pre>
 *
 * Whatever is wrong fails with INVALID_CONFIG and names the file and the key.
 */
final class GatewayConfigFile {
    private static final ObjectMapper YAML =
            YAMLMapper.builder()
                    .propertyNamingStrategy(PropertyNamingStrategies.KEBAB_CASE)
                    .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
                    .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                    .build();
    private static final Pattern SIZE = Pattern.compile("([0-9]{1,12}) ?(B|KiB|MiB|GiB)");
    private static final Pattern TIME = Pattern.compile("([0-9]{1,9}) ?(ms|s|m)");

    /** The file as it is written. */
    record Content(
            String name,
            List<String> endpoints,
            List<String> listen,
            String stateDir,
            Boolean autoAttach,
            String ioTimeout,
            Limits limits) {}

    /** The part under {@code limits}. */
    record Limits(
            Integer connections,
            Integer requestsInFlight,
            String bytesInFlight,
            String memory,
            String handshakeTimeout,
            String stallTimeout,
            String shutdownTimeout,
            Integer threads) {
        static final Limits NONE = new Limits(null, null, null, null, null, null, null, null);
    }

    private GatewayConfigFile() {}

    static GatewayConfig read(Path file) {
        Content content = parse(file, text(file));
        try {
            return configOf(content);
        } catch (IllegalArgumentException refused) {
            throw invalid(file, refused.getMessage());
        } catch (MirachException refused) {
            throw new MirachException(
                            ErrorCode.INVALID_CONFIG, file + ": " + refused.getMessage(), refused)
                    .withRemedy(refused.remedy());
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
                            .filter(name -> name != null)
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

    private static GatewayConfig configOf(Content content) {
        Limits limits = Optional.ofNullable(content.limits()).orElse(Limits.NONE);
        return new GatewayConfig(
                Optional.ofNullable(content.name()).orElseGet(GatewayConfigFile::hostName),
                required("endpoints", content.endpoints()).stream()
                        .map(HttpEndpoint::parse)
                        .toList(),
                required("listen", content.listen()).stream().map(NbdAddress::parse).toList(),
                path(required("state-dir", content.stateDir())),
                Optional.ofNullable(content.autoAttach()).orElse(false),
                limitsOf(limits),
                time("io-timeout", content.ioTimeout(), GatewayConfig.DEFAULT_IO_TIMEOUT),
                Optional.ofNullable(limits.threads()).orElse(GatewayConfig.DEFAULT_THREADS),
                time(
                        "limits.shutdown-timeout",
                        limits.shutdownTimeout(),
                        GatewayConfig.DEFAULT_SHUTDOWN_TIMEOUT));
    }

    private static NbdLimits limitsOf(Limits limits) {
        NbdLimits defaults = NbdLimits.DEFAULT;
        return new NbdLimits(
                Optional.ofNullable(limits.connections()).orElse(defaults.maxConnections()),
                defaults.maxOptions(),
                defaults.maxOptionBytes(),
                time(
                        "limits.handshake-timeout",
                        limits.handshakeTimeout(),
                        defaults.handshakeTimeout()),
                Optional.ofNullable(limits.requestsInFlight())
                        .orElse(defaults.maxInFlightRequests()),
                size("limits.bytes-in-flight", limits.bytesInFlight(), defaults.maxInFlightBytes()),
                size("limits.memory", limits.memory(), defaults.memoryBytes()),
                time("limits.stall-timeout", limits.stallTimeout(), defaults.stallTimeout()));
    }

    private static <T> T required(String key, T value) {
        if (value == null) {
            throw new IllegalArgumentException("'" + key + "' is missing");
        }
        if (value instanceof List<?> list && list.contains(null)) {
            throw new IllegalArgumentException("'" + key + "' has an empty element");
        }
        return value;
    }

    private static Path path(String text) {
        try {
            return Path.of(text).toAbsolutePath();
        } catch (InvalidPathException malformed) {
            throw new IllegalArgumentException("state-dir: " + malformed.getMessage(), malformed);
        }
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
                    case "GiB" -> 30;
                    default -> 0;
                };
        long units = Long.parseLong(parts.group(1));
        if (units > Long.MAX_VALUE >> shift >> 10) {
            throw new IllegalArgumentException(key + ": too large: '" + text + "'");
        }
        return units << shift;
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

    /** The short name of this host. */
    static String hostName() {
        try {
            String name = InetAddress.getLocalHost().getHostName();
            int dot = name.indexOf('.');
            return (dot < 0 ? name : name.substring(0, dot)).toLowerCase(Locale.ROOT);
        } catch (UnknownHostException unnamed) {
            throw new IllegalArgumentException(
                    "'name' is missing and this host's name is not known", unnamed);
        }
    }
}
