package io.mirach.nbd;

import io.mirach.protocol.MirachException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.util.concurrent.Future;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The handshake: fixed newstyle negotiation up to the option that enters transmission. Whatever an
 * option is answered with, its data is read to its end first.
 */
// Confined to the session's event loop.
final class Negotiation implements Phase {
    private static final Logger LOG = LoggerFactory.getLogger(Negotiation.class);

    private enum State {
        CLIENT_FLAGS,
        OPTION_HEADER,
        OPTION_BODY,
        /** Data of an option that is refused passes. */
        SKIP,
        /** The catalog looks for or opens the export: further bytes wait. */
        OPENING,
        OVER
    }

    private final NbdSession session;
    private final ChannelHandlerContext ctx;
    private final ExportCatalog catalog;
    private final NbdLimits limits;
    private final OptionReplies replies;
    private final ByteBuf gathered = Unpooled.buffer(64);

    private State state = State.CLIENT_FLAGS;
    private boolean fixedNewstyle;
    private boolean noZeroes;
    private boolean structuredReplies;

    /** The export for which {@code base:allocation} was selected last. */
    private Optional<String> statusExport = Optional.empty();

    private boolean inactive;
    private int options;
    private int option;
    private long bodyBytes;
    private long skipBytes;
    private Future<?> deadline;

    Negotiation(
            NbdSession session,
            ChannelHandlerContext ctx,
            ExportCatalog catalog,
            NbdLimits limits) {
        this.session = session;
        this.ctx = ctx;
        this.catalog = catalog;
        this.limits = limits;
        this.replies = new OptionReplies(ctx);
    }

    void greet() {
        // Before the write: that may find the client gone, and end all this.
        startDeadline();
        ctx.writeAndFlush(
                ctx.alloc()
                        .buffer(18)
                        .writeLong(NbdProtocol.NBDMAGIC)
                        .writeLong(NbdProtocol.IHAVEOPT)
                        .writeShort(NbdProtocol.FLAG_FIXED_NEWSTYLE | NbdProtocol.FLAG_NO_ZEROES));
    }

    private void startDeadline() {
        stopDeadline();
        deadline =
                ctx.executor()
                        .schedule(
                                this::onDeadline,
                                limits.handshakeTimeout().toNanos(),
                                TimeUnit.NANOSECONDS);
    }

    private void stopDeadline() {
        if (deadline != null) {
            deadline.cancel(false);
        }
    }

    private void onDeadline() {
        LOG.info("closing {}: no option for {}", ctx.channel(), limits.handshakeTimeout());
        close();
    }

    /** An export that is being opened is given back once it has been. */
    private void close() {
        state = State.OVER;
        stopDeadline();
        ctx.close();
    }

    @Override
    public boolean consume(ByteBuf in) {
        while (in.isReadable()) {
            switch (state) {
                case CLIENT_FLAGS -> {
                    if (gather(in, 4)) {
                        onClientFlags(gathered.readInt());
                    }
                }
                case OPTION_HEADER -> {
                    if (!ctx.channel().isWritable()) {
                        // The client asks and does not read the answers.
                        return false;
                    }
                    if (gather(in, NbdProtocol.OPTION_HEADER_BYTES)) {
                        onOptionHeader();
                    }
                }
                case OPTION_BODY -> {
                    if (gather(in, (int) bodyBytes)) {
                        onOption(gathered);
                    }
                }
                case SKIP -> {
                    int step = (int) Math.min(skipBytes, in.readableBytes());
                    in.skipBytes(step);
                    skipBytes -= step;
                    if (skipBytes == 0) {
                        refuseTooBig();
                    }
                }
                case OPENING -> {
                    return false;
                }
                case OVER -> in.skipBytes(in.readableBytes());
            }
        }
        return state != State.OPENING;
    }

    /** Moves bytes until that many are gathered; the buffer grows with what arrives. */
    private boolean gather(ByteBuf in, int wantedBytes) {
        if (gathered.readerIndex() > 0 && !gathered.isReadable()) {
            gathered.clear();
        }
        gathered.writeBytes(
                in, Math.min(wantedBytes - gathered.readableBytes(), in.readableBytes()));
        return gathered.readableBytes() == wantedBytes;
    }

    private void onClientFlags(int flags) {
        int known = NbdProtocol.FLAG_C_FIXED_NEWSTYLE | NbdProtocol.FLAG_C_NO_ZEROES;
        if ((flags & ~known) != 0) {
            LOG.info("closing {}: unknown client flags {}", ctx.channel(), flags);
            close();
            return;
        }
        fixedNewstyle = (flags & NbdProtocol.FLAG_C_FIXED_NEWSTYLE) != 0;
        noZeroes = (flags & NbdProtocol.FLAG_C_NO_ZEROES) != 0;
        state = State.OPTION_HEADER;
    }

    private void onOptionHeader() {
        long magic = gathered.readLong();
        option = gathered.readInt();
        bodyBytes = gathered.readUnsignedInt();
        if (magic != NbdProtocol.IHAVEOPT) {
            LOG.info("closing {}: bad option magic {}", ctx.channel(), Long.toHexString(magic));
            close();
        } else if (++options > limits.maxOptions()) {
            LOG.info("closing {}: more than {} options", ctx.channel(), limits.maxOptions());
            close();
        } else if (!fixedNewstyle && option != NbdProtocol.OPT_EXPORT_NAME) {
            LOG.info("closing {}: option {} without fixed newstyle", ctx.channel(), option);
            close();
        } else if (bodyBytes > limits.maxOptionBytes()) {
            skipBytes = bodyBytes;
            state = State.SKIP;
        } else if (bodyBytes > 0) {
            state = State.OPTION_BODY;
        } else {
            onOption(Unpooled.EMPTY_BUFFER);
        }
    }

    private void refuseTooBig() {
        if (option == NbdProtocol.OPT_EXPORT_NAME) {
            // This option has no error reply.
            close();
            return;
        }
        nextOption();
        replies.error(
                option,
                NbdProtocol.REP_ERR_TOO_BIG,
                "option data is limited to " + limits.maxOptionBytes() + " bytes");
    }

    private void nextOption() {
        state = State.OPTION_HEADER;
        startDeadline();
    }

    private void onOption(ByteBuf body) {
        nextOption();
        switch (option) {
            case NbdProtocol.OPT_EXPORT_NAME -> exportName(body);
            case NbdProtocol.OPT_ABORT -> abort();
            case NbdProtocol.OPT_LIST -> list(body);
            case NbdProtocol.OPT_INFO, NbdProtocol.OPT_GO -> infoOrGo(body);
            case NbdProtocol.OPT_STRUCTURED_REPLY -> structuredReply(body);
            case NbdProtocol.OPT_LIST_META_CONTEXT, NbdProtocol.OPT_SET_META_CONTEXT ->
                    metaContext(body);
            case NbdProtocol.OPT_STARTTLS -> {
                if (body.isReadable()) {
                    invalid("STARTTLS takes no data");
                } else {
                    replies.error(option, NbdProtocol.REP_ERR_POLICY, "TLS is not configured here");
                }
            }
            default -> replies.error(option, NbdProtocol.REP_ERR_UNSUP, "unknown option " + option);
        }
        gathered.clear();
    }

    private void invalid(String why) {
        replies.error(option, NbdProtocol.REP_ERR_INVALID, why);
    }

    private void abort() {
        state = State.OVER;
        stopDeadline();
        session.discardInput();
        replies.ack(option).addListener(ChannelFutureListener.CLOSE);
    }

    private void list(ByteBuf body) {
        if (body.isReadable()) {
            invalid("LIST takes no data");
            return;
        }
        catalog.list().forEach(export -> replies.server(option, export));
        replies.ack(option);
    }

    private void structuredReply(ByteBuf body) {
        if (body.isReadable()) {
            invalid("STRUCTURED_REPLY takes no data");
            return;
        }
        structuredReplies = true;
        replies.ack(option);
    }

    private void infoOrGo(ByteBuf body) {
        Optional<OptionRequest.Info> parsed = OptionRequest.parseInfo(body);
        if (parsed.isEmpty()) {
            invalid("malformed export name or information requests");
            return;
        }
        OptionRequest.Info request = parsed.get();
        describe(
                request.exportName(),
                description -> {
                    if (description.isEmpty()) {
                        unknownExport(request.exportName());
                    } else if (option == NbdProtocol.OPT_INFO) {
                        accept(description.get(), request.infoTypes());
                    } else {
                        open(request.exportName(), request.infoTypes());
                    }
                });
    }

    /** Asks the catalog about a name, and goes on at once when it knows: further bytes wait. */
    private void describe(String name, Consumer<Optional<ExportDescription>> then) {
        CompletableFuture<Optional<ExportDescription>> answer = catalog.describe(name);
        if (answer.isDone() && !answer.isCompletedExceptionally()) {
            then.accept(answer.join());
            return;
        }
        state = State.OPENING;
        stopDeadline();
        answer.whenComplete(
                (description, failure) ->
                        ctx.executor().execute(() -> described(name, description, failure, then)));
    }

    private void described(
            String name,
            Optional<ExportDescription> description,
            Throwable failure,
            Consumer<Optional<ExportDescription>> then) {
        if (inactive || state != State.OPENING) {
            return;
        }
        if (failure != null) {
            refuseOpen(name, NbdErrno.cause(failure));
            return;
        }
        nextOption();
        then.accept(description);
        replies.flush();
        session.resume();
    }

    private void unknownExport(String name) {
        replies.error(
                option, NbdProtocol.REP_ERR_UNKNOWN, "there is no export named '" + name + "'");
    }

    private void accept(ExportDescription export, List<Integer> infoTypes) {
        replies.infoExport(option, export.sizeBytes(), export.transmissionFlags(structuredReplies));
        for (int infoType : infoTypes) {
            switch (infoType) {
                case NbdProtocol.INFO_NAME -> replies.infoText(option, infoType, export.name());
                case NbdProtocol.INFO_DESCRIPTION ->
                        replies.infoText(option, infoType, export.text());
                case NbdProtocol.INFO_BLOCK_SIZE -> replies.infoBlockSize(option);
                default -> {
                    // Unknown ones are to be ignored, and INFO_EXPORT has been sent.
                }
            }
        }
        replies.ack(option);
    }

    private void exportName(ByteBuf body) {
        Optional<String> name =
                body.readableBytes() <= NbdProtocol.MAX_STRING_BYTES
                        ? OptionRequest.decode(body, body.readableBytes())
                        : Optional.empty();
        if (name.isEmpty()) {
            closeForWantOf("(invalid)");
            return;
        }
        describe(
                name.get(),
                description -> {
                    if (description.isEmpty()) {
                        closeForWantOf(name.get());
                    } else {
                        open(name.get(), List.of());
                    }
                });
    }

    /** EXPORT_NAME has no error reply. */
    private void closeForWantOf(String name) {
        LOG.info("closing {}: no export named {}", ctx.channel(), name);
        close();
    }

    private void open(String name, List<Integer> infoTypes) {
        state = State.OPENING;
        // Attaching takes what it takes; the catalog ends it.
        stopDeadline();
        catalog.open(name)
                .whenComplete(
                        (export, failure) ->
                                ctx.executor()
                                        .execute(() -> opened(name, infoTypes, export, failure)));
    }

    private void opened(String name, List<Integer> infoTypes, NbdExport export, Throwable failure) {
        if (failure != null) {
            if (!inactive && state == State.OPENING) {
                refuseOpen(name, NbdErrno.cause(failure));
            }
            return;
        }
        if (inactive || state != State.OPENING) {
            export.leave();
            return;
        }
        state = State.OVER;
        if (option == NbdProtocol.OPT_GO) {
            accept(export.description(), infoTypes);
        } else {
            replies.exportName(export.description(), structuredReplies, noZeroes);
        }
        replies.flush();
        session.enter(
                new Transmission(
                        session,
                        ctx,
                        export,
                        structuredReplies,
                        statusExport.filter(name::equals).isPresent()));
        session.resume();
    }

    private void refuseOpen(String name, MirachException cause) {
        LOG.info("{} cannot open {}: {}", ctx.channel(), name, cause.toString());
        if (option == NbdProtocol.OPT_EXPORT_NAME) {
            close();
            return;
        }
        nextOption();
        replies.error(option, OptionReplies.errorOf(cause.code()), cause.toString());
        replies.flush();
        session.resume();
    }

    private void metaContext(ByteBuf body) {
        boolean set = option == NbdProtocol.OPT_SET_META_CONTEXT;
        if (set) {
            // A new selection replaces the old one even when it fails.
            statusExport = Optional.empty();
        }
        Optional<OptionRequest.MetaContext> parsed = OptionRequest.parseMetaContext(body);
        if (parsed.isEmpty()) {
            invalid("malformed export name or queries");
        } else if (!structuredReplies) {
            invalid("metadata contexts need structured replies");
        } else if (parsed.get().queries().stream().anyMatch(query -> query.indexOf(':') < 0)) {
            invalid("a query starts with a namespace and a colon");
        } else {
            describe(
                    parsed.get().exportName(),
                    description -> selectContexts(parsed.get(), set, description.isPresent()));
        }
    }

    private void selectContexts(OptionRequest.MetaContext request, boolean set, boolean known) {
        if (!known) {
            unknownExport(request.exportName());
            return;
        }
        if (selectsAllocation(request.queries(), set)) {
            if (set) {
                statusExport = Optional.of(request.exportName());
            }
            replies.metaContext(
                    option,
                    set ? BlockStatus.ALLOCATION_CONTEXT_ID : 0,
                    BlockStatus.ALLOCATION_CONTEXT);
        }
        replies.ack(option);
    }

    private static boolean selectsAllocation(List<String> queries, boolean set) {
        return queries.contains(BlockStatus.ALLOCATION_CONTEXT)
                || (!set && (queries.isEmpty() || queries.contains("base:")));
    }

    @Override
    public void flush() {
        replies.flush();
    }

    @Override
    public void onInputEnd() {
        close();
    }

    @Override
    public void onWritable() {
        if (state == State.OPTION_HEADER) {
            session.resume();
        }
    }

    @Override
    public void onInactive() {
        inactive = true;
        stopDeadline();
    }

    @Override
    public void shutDown() {
        close();
    }

    @Override
    public boolean isStalled(long nowNanos, long timeoutNanos) {
        return false;
    }
}
