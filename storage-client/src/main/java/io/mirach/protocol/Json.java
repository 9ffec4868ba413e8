package io.mirach.protocol;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonDeserializer;
import com.fasterxml.jackson.databind.JsonSerializer;
import com.fasterxml.jackson.databind.KeyDeserializer;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import io.mirach.model.Epoch;
import io.mirach.model.LayerId;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Slot;
import io.mirach.model.VolumeId;
import java.io.IOException;
import java.util.function.LongFunction;
import java.util.function.ToLongFunction;

/**
 * The one way the model is written as JSON: ids are plain numbers (strings where they are keys of a
 * map), an absent Optional is null, fields that this build does not know are skipped. Times are
 * numbers whose name has the unit: classes of java.time are refused.
 */
public final class Json {
    private static final ObjectMapper MAPPER =
            JsonMapper.builder()
                    .addModule(new Jdk8Module())
                    .addModule(ids())
                    .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
                    .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                    .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
                    .build();

    private Json() {}

    /** Shared; must not be reconfigured. */
    public static ObjectMapper mapper() {
        return MAPPER;
    }

    private static SimpleModule ids() {
        SimpleModule module = new SimpleModule("mirach-ids");
        add(module, VolumeId.class, VolumeId::value, VolumeId::new);
        add(module, LayerId.class, LayerId::value, LayerId::new);
        add(module, Epoch.class, Epoch::value, Epoch::new);
        add(
                module,
                PlacementGroupId.class,
                PlacementGroupId::value,
                number -> new PlacementGroupId(Math.toIntExact(number)));
        add(module, Slot.class, Slot::index, number -> new Slot(Math.toIntExact(number)));
        return module;
    }

    private static <T> void add(
            SimpleModule module, Class<T> type, ToLongFunction<T> number, LongFunction<T> id) {
        module.addSerializer(
                type,
                new JsonSerializer<>() {
                    @Override
                    public void serialize(T value, JsonGenerator out, SerializerProvider provider)
                            throws IOException {
                        out.writeNumber(number.applyAsLong(value));
                    }
                });
        module.addKeySerializer(
                type,
                new JsonSerializer<>() {
                    @Override
                    public void serialize(T value, JsonGenerator out, SerializerProvider provider)
                            throws IOException {
                        out.writeFieldName(Long.toString(number.applyAsLong(value)));
                    }
                });
        module.addDeserializer(
                type,
                new JsonDeserializer<>() {
                    @Override
                    public T deserialize(JsonParser in, DeserializationContext context)
                            throws IOException {
                        if (!in.currentToken().isNumeric()) {
                            return type.cast(context.handleUnexpectedToken(type, in));
                        }
                        long value = in.getLongValue();
                        try {
                            return id.apply(value);
                        } catch (IllegalArgumentException | ArithmeticException e) {
                            return type.cast(
                                    context.handleWeirdNumberValue(type, value, e.getMessage()));
                        }
                    }
                });
        module.addKeyDeserializer(
                type,
                new KeyDeserializer() {
                    @Override
                    public Object deserializeKey(String key, DeserializationContext context)
                            throws IOException {
                        try {
                            return id.apply(Long.parseLong(key));
                        } catch (IllegalArgumentException | ArithmeticException e) {
                            return context.handleWeirdKey(type, key, e.getMessage());
                        }
                    }
                });
    }
}
