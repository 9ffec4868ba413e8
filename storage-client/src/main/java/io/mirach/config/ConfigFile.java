package io.mirach.config;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.MirachException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Reads YAML configuration into a record whose components are the keys, in kebab case. Whatever is
 * wrong fails with INVALID_CONFIG and names the file and the key; so does an unknown key. Values
 * that need a unit stay text until {@link #size} and {@link #time} read them.
 */
public final class ConfigFile {
    private static final ObjectMapper YAML =
            YAMLMapper.builder()
                    .propertyNamingStrategy(PropertyNamingStrategies.KEBAB_CASE)
                    .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
                    .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                    .build();
    private static final Pattern SIZE = Pattern.compile("([0-9]{1,12}) ?(B|KiB|MiB|GiB)");
    private static final Pattern TIME = Pattern.compile("([0-9]{1,9}) ?(ms|s|m|h)");

    private ConfigFile() {}

    /**
     * Reads a file.
     *
     * @param content the record of what may stand in it
     * @param meaning makes settings of it; what it refuses by an IllegalArgumentException or a
     *     MirachException is reported with the file's name
     */
    public static <C, S> S read(Path file, Class<C> content, Function<C, S> meaning) {
        C written = parse(file, text(file), content);
        try {
            return meaning.apply(written);
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

    private static <C> C parse(Path file, String text, Class<C> type) {
        try {
            C content = YAML.readValue(text, type);
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

    /** A value without which there is no configuration; a list must have no empty element. */
    public static <T> T required(String key, T value) {
        if (value == null) {
            throw new IllegalArgumentException("'" + key + "' is missing");
        }
        if (value instanceof List<?> list && list.stream().anyMatch(Objects::isNull)) {
            throw new IllegalArgumentException("'" + key + "' has an empty element");
        }
        return value;
    }

    /** A path, made absolute. */
    public static Path path(String key, String text) {
        try {
            return Path.of(text).toAbsolutePath().normalize();
        } catch (InvalidPathException malformed) {
            throw new IllegalArgumentException(key + ": " + malformed.getMessage(), malformed);
        }
    }

    /** Bytes, written with a unit such as MiB. */
    public static long size(String key, String text, long defaultBytes) {
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

    /** A time, written with a unit: ms, s, m or h. */
    public static Duration time(String key, String text, Duration defaultTime) {
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
            case "h" -> Duration.ofHours(units);
            default -> Duration.ofSeconds(units);
        };
    }
}
