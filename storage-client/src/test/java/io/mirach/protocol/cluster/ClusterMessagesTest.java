package io.mirach.protocol.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.mirach.model.Attachment;
import io.mirach.model.ClusterImage;
import io.mirach.model.DataDir;
import io.mirach.model.Epoch;
import io.mirach.model.Export;
import io.mirach.model.Gateway;
import io.mirach.model.LayerId;
import io.mirach.model.Migration;
import io.mirach.model.PlacementGroup;
import io.mirach.model.PlacementGroupId;
import io.mirach.model.Replica;
import io.mirach.model.ReplicaSet;
import io.mirach.model.StorageNode;
import io.mirach.model.Volume;
import io.mirach.model.VolumeAccess;
import io.mirach.model.VolumeId;
import io.mirach.protocol.ErrorCode;
import io.mirach.protocol.Frame;
import io.mirach.protocol.Json;
import io.mirach.protocol.JsonBody;
import io.mirach.protocol.MirachException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class ClusterMessagesTest {
    private static final UnpooledByteBufAllocator ALLOCATOR = UnpooledByteBufAllocator.DEFAULT;
    private static final UUID DIR = new UUID(0, 1);
    private static final PlacementGroupId PG = new PlacementGroupId(1);

    private static ClusterImage image(int volumeCount) {
        ReplicaSet replicas = new ReplicaSet(1, List.of(new Replica("node-1", DIR)));
        Map<VolumeId, Volume> volumes = new HashMap<>();
        for (int i = 1; i <= volumeCount; i++) {
            VolumeId id = new VolumeId(i);
            volumes.put(
                    id,
                    new Volume(
                            id,
                            "v" + i,
                            1 << 20,
                            1 << 20,
                            Collections.nCopies(64, PG),
                            new LayerId(i),
                            Volume.State.AVAILABLE,
                            i));
        }
        VolumeId first = new VolumeId(1);
        return new ClusterImage(
                9,
                new UUID(0, 8),
                new UUID(0, 9),
                replicas,
                Map.of(
                        "node-1",
                        new StorageNode(
                                "node-1",
                                List.of(new DataDir(DIR, "h:1")),
                                "h:2",
                                "h:3",
                                "z",
                                "",
                                Map.of("a", "b"))),
                Map.of(
                        PG,
                        new PlacementGroup(
                                PG, new UUID(0, 7), replicas, DIR, PlacementGroup.State.ACTIVE)),
                volumes,
                Map.of(
                        first,
                        new VolumeAccess(
                                first,
                                12,
                                false,
                                List.of(
                                        new Attachment(
                                                first,
                                                new Epoch(4),
                                                Attachment.Mode.READ_WRITE,
                                                "g",
                                                "host",
                                                "ff",
                                                Attachment.State.LIVE,
                                                5,
                                                "")),
                                List.of(new Export(first, "g", Attachment.Mode.READ_ONLY, 7)),
                                Optional.of(new Migration(11, "g", "g2", 60_000)),
                                List.of())),
                Map.of("g", new Gateway("g", "host", List.of("nbd://h:10809"))));
    }

    @Test
    void idsArePlainNumbersAndKeysOfMaps() throws JsonProcessingException {
        assertThat(
                        Json.mapper()
                                .writeValueAsString(
                                        new DetachRequest(new VolumeId(7), new Epoch(8), "secret")))
                .isEqualTo("{\"volume\":7,\"epoch\":8,\"ownerSecret\":\"secret\"}");
        assertThat(Json.mapper().writeValueAsString(Map.of(PG, List.of(new LayerId(5)))))
                .isEqualTo("{\"1\":[5]}");
    }

    @Test
    void wholeMapComesBack() {
        ClusterImage image = image(3);
        MapUpdate update = new MapUpdate(9, Optional.of(image), Optional.empty());
        ByteBuf body = JsonBody.encode(update, ALLOCATOR);
        assertThat(body.getByte(0)).isEqualTo((byte) 1);
        assertThat(JsonBody.decode(body, MapUpdate.class)).isEqualTo(update);
        assertThat(body.refCnt()).isZero();
    }

    @Test
    void longMapIsCompressedAndComesBack() {
        MapUpdate update = new MapUpdate(9, Optional.of(image(10_000)), Optional.empty());
        ByteBuf body = JsonBody.encode(update, ALLOCATOR);
        assertThat(body.getByte(0)).isEqualTo((byte) 2);
        assertThat(body.readableBytes()).isLessThan(Frame.MAX_BODY_BYTES);
        assertThat(JsonBody.decode(body, MapUpdate.class)).isEqualTo(update);
    }

    @Test
    void everyOtherClusterMessageComesBack() {
        ClusterImage from = image(2);
        List<Object> messages =
                List.of(
                        new Hello(1, Optional.of(DIR), "node-1"),
                        new Hello(1, Optional.empty(), ""),
                        GetMap.poll(5, 1000),
                        GetMap.newest(5),
                        new MapUpdate(5, Optional.empty(), Optional.empty()),
                        new MapUpdate(
                                9,
                                Optional.empty(),
                                Optional.of(ClusterDelta.between(from, image(4)))),
                        new AttachRequest("v", Attachment.Mode.READ_WRITE, "g", "h", "s", true, 5),
                        new RegisterGateway(
                                new Gateway("g", "h", List.of()),
                                List.of(new EndedExport("v", "FENCED"))),
                        new RenewAttachments(
                                "g",
                                "secret",
                                List.of(new RenewAttachments.Held(new VolumeId(1), new Epoch(4)))),
                        new Renewal(30_000, Map.of(new Epoch(3), "taken over")),
                        from.accessTo(new VolumeId(1)));
        for (Object message : messages) {
            ByteBuf body = JsonBody.encode(message, ALLOCATOR);
            assertThat((Object) JsonBody.decode(body, message.getClass())).isEqualTo(message);
        }
    }

    @Test
    void groupOrdersNameTheirKind() {
        GroupOrder order =
                new GroupOrder.Admit(PG, new VolumeId(2), 3, List.of(new Epoch(4)), List.of());
        ByteBuf body = JsonBody.encode(order, ALLOCATOR);
        assertThat(body.toString(1, body.readableBytes() - 1, StandardCharsets.UTF_8))
                .startsWith("{\"order\":\"admit\",");
        assertThat(JsonBody.decode(body, GroupOrder.class)).isEqualTo(order);
    }

    @Test
    void fieldsFromTheFutureAreSkippedAndMissingOnesRefused() {
        assertThat(
                        decode(
                                "\u0001{\"knownVersion\":5,\"waitMs\":7,\"newest\":true,\"more\":[1]}",
                                GetMap.class))
                .isEqualTo(new GetMap(5, 7, true));
        assertMalformed("\u0001{\"knownVersion\":5}", GetMap.class);
        assertMalformed("\u0001{\"volume\":1}", DetachRequest.class);
        assertMalformed("\u0001{\"volume\":0,\"epoch\":1}", DetachRequest.class);
        assertMalformed("\u0001{\"volume\":\"1\",\"epoch\":[]}", DetachRequest.class);
        assertMalformed("\u0001{\"order\":\"no-such\"}", GroupOrder.class);
        assertMalformed("\u0001null", GetMap.class);
        assertMalformed("\u0001{} {}", GetMap.class);
        assertMalformed("\u0001", GetMap.class);
        assertMalformed("", GetMap.class);
        // Compressed: no length, an impossible length, no zlib stream.
        assertMalformed("\u0002\u0000", GetMap.class);
        assertMalformed("\u0002\u0003\u0000\u0000\u0000xx", GetMap.class);
        assertMalformed("\u0002\u0000\u0000\u0000\u0009xxxx", GetMap.class);
    }

    @Test
    void damagedMapsAreMalformedAndNeverLeak() {
        long seed = 11;
        Random random = new Random(seed);
        byte[] plain =
                drained(
                        JsonBody.encode(
                                new MapUpdate(9, Optional.of(image(2)), Optional.empty()),
                                ALLOCATOR));
        byte[] packed =
                drained(
                        JsonBody.encode(
                                new MapUpdate(9, Optional.of(image(300)), Optional.empty()),
                                ALLOCATOR));
        for (int i = 0; i < 4000; i++) {
            byte[] damaged = (i % 2 == 0 ? plain : packed).clone();
            for (int flips = 1 + random.nextInt(3); flips > 0; flips--) {
                damaged[random.nextInt(damaged.length)] = (byte) random.nextInt(256);
            }
            ByteBuf body = ALLOCATOR.buffer().writeBytes(damaged);
            try {
                JsonBody.decode(body, MapUpdate.class);
            } catch (MirachException e) {
                assertThat(e.code())
                        .as("seed %d round %d", seed, i)
                        .isIn(ErrorCode.MALFORMED, ErrorCode.UNSUPPORTED_VERSION);
            }
            assertThat(body.refCnt()).isZero();
        }
    }

    @Test
    void leaseLayoutsArePinned() {
        LeaseClaims claims =
                new LeaseClaims(
                        new UUID(0, 1),
                        new UUID(0, 2),
                        List.of(new LeaseClaims.Claim(new UUID(0, 3), 4)));
        ByteBuf body = LeaseClaimsCodec.encode(claims, ALLOCATOR);
        assertThat(ByteBufUtil.hexDump(body))
                .isEqualTo(
                        "01"
                                + "00000000000000000000000000000001"
                                + "00000000000000000000000000000002"
                                + "0001"
                                + "00000000000000000000000000000003"
                                + "0000000000000004");
        assertThat(LeaseClaimsCodec.decodeClaims(body)).isEqualTo(claims);

        for (boolean roomIsLow : List.of(false, true)) {
            LeaseConfirmations confirmed =
                    new LeaseConfirmations(Set.of(new UUID(0, 3)), roomIsLow);
            body = LeaseClaimsCodec.encode(confirmed, ALLOCATOR);
            assertThat(ByteBufUtil.hexDump(body))
                    .isEqualTo(
                            "02"
                                    + (roomIsLow ? "01" : "00")
                                    + "0001"
                                    + "00000000000000000000000000000003");
            assertThat(LeaseClaimsCodec.decodeConfirmations(body)).isEqualTo(confirmed);
        }
    }

    @Test
    void leaseMessagesCutShortAreMalformed() {
        LeaseClaims claims = new LeaseClaims(DIR, DIR, List.of(new LeaseClaims.Claim(DIR, 4)));
        byte[] sound = drained(LeaseClaimsCodec.encode(claims, ALLOCATOR));
        for (int length = 0; length < sound.length; length++) {
            ByteBuf body = ALLOCATOR.buffer().writeBytes(sound, 0, length);
            assertThatThrownBy(() -> LeaseClaimsCodec.decodeClaims(body))
                    .isInstanceOfSatisfying(
                            MirachException.class,
                            e -> assertThat(e.code()).isEqualTo(ErrorCode.MALFORMED));
            assertThat(body.refCnt()).isZero();
        }
    }

    private static <T> T decode(String latin1, Class<T> type) {
        ByteBuf body = ALLOCATOR.buffer().writeBytes(latin1.getBytes(StandardCharsets.ISO_8859_1));
        try {
            return JsonBody.decode(body, type);
        } finally {
            assertThat(body.refCnt()).isZero();
        }
    }

    private static void assertMalformed(String latin1, Class<?> type) {
        assertThatThrownBy(() -> decode(latin1, type))
                .as(latin1)
                .isInstanceOfSatisfying(
                        MirachException.class,
                        e -> assertThat(e.code()).isEqualTo(ErrorCode.MALFORMED));
    }

    private static byte[] drained(ByteBuf buffer) {
        byte[] bytes = ByteBufUtil.getBytes(buffer);
        buffer.release();
        return bytes;
    }
}
