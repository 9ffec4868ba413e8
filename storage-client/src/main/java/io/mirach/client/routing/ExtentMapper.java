package io.mirach.client.routing;

import io.mirach.model.Slot;
import io.mirach.protocol.data.WriteRequest;
import java.util.ArrayList;
import java.util.List;

/**
 * Cuts byte ranges of a volume into the parts that are sent: none crosses an extent, and none that
 * carries blocks crosses a multiple of 1 MiB. All cuts lie between blocks, so parts share no block,
 * and one part never touches more than 256 of them. Pure.
 *
 * @param extentBytes a power of two
 */
public record ExtentMapper(int extentBytes) {
    /** A part of a range, within one extent. */
    public record Part(long extentIndex, long offsetBytes, int lengthBytes) {
        public Slot slot() {
            return Slot.ofExtent(extentIndex);
        }

        public long endBytes() {
            return offsetBytes + lengthBytes;
        }
    }

    public ExtentMapper {
        if (Integer.bitCount(extentBytes) != 1) {
            throw new IllegalArgumentException("extent size: " + extentBytes);
        }
    }

    /** The first part of a range that is not empty, for messages that carry blocks. */
    public Part firstPart(long offsetBytes, long endBytes) {
        return cut(offsetBytes, endBytes, Math.min(extentBytes, WriteRequest.MAX_BYTES));
    }

    /** The first part of a range that is not empty, for messages that carry none. */
    public Part firstExtentPart(long offsetBytes, long endBytes) {
        return cut(offsetBytes, endBytes, extentBytes);
    }

    /** All parts that {@link #firstPart} gives, one after the other. */
    public List<Part> parts(long offsetBytes, int lengthBytes) {
        List<Part> parts = new ArrayList<>();
        long endBytes = offsetBytes + lengthBytes;
        for (long at = offsetBytes; at < endBytes; ) {
            Part part = firstPart(at, endBytes);
            parts.add(part);
            at = part.endBytes();
        }
        return parts;
    }

    /** How many parts {@link #parts} gives for a range that is not empty. */
    public int partCount(long offsetBytes, int lengthBytes) {
        int unitBytes = Math.min(extentBytes, WriteRequest.MAX_BYTES);
        long last = (offsetBytes + lengthBytes - 1) / unitBytes;
        return (int) (last - offsetBytes / unitBytes) + 1;
    }

    private Part cut(long offsetBytes, long endBytes, int unitBytes) {
        if (offsetBytes < 0 || endBytes <= offsetBytes) {
            throw new IllegalArgumentException("range " + offsetBytes + " to " + endBytes);
        }
        int inUnit = (int) (offsetBytes & (unitBytes - 1));
        int lengthBytes = (int) Math.min(unitBytes - inUnit, endBytes - offsetBytes);
        return new Part(offsetBytes / extentBytes, offsetBytes, lengthBytes);
    }
}
