package io.mirach.ops.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HistoryTest {
    private static final long BLOCK = 5;

    private final History history = new History(System::nanoTime);

    @Test
    void readsOfWhatWasWrittenAreNoViolation() {
        write(1);
        long last = write(1);
        read(1, last);
        assertThat(history.violations()).isEmpty();
        assertThat(history.acknowledgedWrites()).isEqualTo(2);
        assertThat(history.answeredReads()).isEqualTo(1);
    }

    @Test
    void aReadFromThePastIsAViolation() {
        long old = write(1);
        write(1);
        read(1, old);
        assertThat(history.violations()).hasSize(1);
    }

    @Test
    void anUnansweredWriteMayBeSeenLaterOrNever() {
        History.Call unanswered = history.beginWrite("a", 1, BLOCK);
        long other = write(1);
        read(1, other);
        assertThat(history.violations()).isEmpty();
        read(1, unanswered.value());
        assertThat(history.violations()).isEmpty();
        read(1, other);
        assertThat(history.violations()).hasSize(1);
        assertThat(history.unknownWrites()).isEqualTo(1);
    }

    @Test
    void aRefusedWriteMustNeverBeSeen() {
        long before = write(1);
        History.Call refused = history.beginWrite("a", 1, BLOCK);
        refused.refused();
        read(1, before);
        assertThat(history.violations()).isEmpty();
        assertThat(history.unknownWrites()).isZero();
        read(1, refused.value());
        assertThat(history.violations()).hasSize(1);
    }

    @Test
    void aTornBlockIsAViolation() {
        history.beginRead("a", 1, BLOCK).returned(OptionalLong.empty());
        assertThat(history.violations()).singleElement().asString().contains("torn");
    }

    @Test
    void noAnswerToAFencedAttachmentIsToleratedEvenIfItIsRight() {
        history.granted(1);
        long value = write(1);
        history.granted(2);
        read(1, value);
        assertThat(history.violations()).singleElement().asString().contains("fenced");
    }

    @Test
    void aWriteThatAFencedAttachmentSentMustNotTakeEffect() {
        history.granted(1);
        write(1);
        history.granted(2);
        History.Call tooLate = history.beginWrite("a", 1, BLOCK);
        assertThat(history.violations()).isEmpty();
        read(2, tooLate.value());
        assertThat(history.violations()).singleElement().asString().contains("took effect");
    }

    @Test
    void whatWasUnderWayAtTheFenceTookEffectBeforeItOrNever() {
        history.granted(1);
        History.Call underWay = history.beginWrite("a", 1, BLOCK);
        history.granted(2);
        long newer = write(2);
        read(2, newer);
        assertThat(history.violations()).isEmpty();
        // Without the fence it might be so.
        read(2, underWay.value());
        assertThat(history.violations()).hasSize(1);
    }

    @Test
    void registersAreJudgedEachByItself() {
        long value = write(1);
        history.beginRead("a", 1, BLOCK + 1).returned(OptionalLong.of(Operation.INITIAL));
        read(1, value);
        assertThat(history.violations()).isEmpty();
        history.beginRead("a", 1, BLOCK + 1).returned(OptionalLong.of(value));
        assertThat(history.violations()).hasSize(1);
    }

    @Test
    void everyCallIsSaved(@TempDir Path folder) throws Exception {
        read(1, write(1));
        history.beginWrite("a", 1, BLOCK);
        history.beginRead("a", 1, BLOCK).dropped();
        history.save(folder.resolve("history.txt"));
        assertThat(Files.readAllLines(folder.resolve("history.txt"))).hasSize(1 + 3);
    }

    private long write(long epoch) {
        History.Call call = history.beginWrite("a", epoch, BLOCK);
        call.acknowledged();
        return call.value();
    }

    private void read(long epoch, long value) {
        history.beginRead("a", epoch, BLOCK).returned(OptionalLong.of(value));
    }
}
