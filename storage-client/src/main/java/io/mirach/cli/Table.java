package io.mirach.cli;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;

/** Columns that line up. Numbers are set to the right. Confined to one thread. */
public final class Table {
    private final List<String> header;
    private final List<Boolean> rightAligned;
    private final List<List<String>> rows = new ArrayList<>();

    /** Headings; one that starts with {@code >} makes its column right-aligned. */
    public Table(String... headings) {
        List<String> names = new ArrayList<>();
        List<Boolean> right = new ArrayList<>();
        for (String heading : headings) {
            boolean isRight = heading.startsWith(">");
            right.add(isRight);
            names.add(isRight ? heading.substring(1) : heading);
        }
        header = List.copyOf(names);
        rightAligned = List.copyOf(right);
    }

    /** Adds a row; an empty cell is shown as a dash. */
    public Table row(Object... cells) {
        if (cells.length != header.size()) {
            throw new IllegalArgumentException(cells.length + " cells, not " + header.size());
        }
        List<String> row = new ArrayList<>();
        for (Object cell : cells) {
            String text = String.valueOf(cell);
            row.add(text.isEmpty() ? "-" : text);
        }
        rows.add(row);
        return this;
    }

    public boolean isEmpty() {
        return rows.isEmpty();
    }

    /**
     * @param indent written before each line
     */
    public void print(PrintWriter out, String indent) {
        int[] widths = new int[header.size()];
        for (int column = 0; column < widths.length; column++) {
            widths[column] = header.get(column).length();
            for (List<String> row : rows) {
                widths[column] = Math.max(widths[column], row.get(column).length());
            }
        }
        printLine(out, indent, header, widths);
        for (List<String> row : rows) {
            printLine(out, indent, row, widths);
        }
    }

    private void printLine(PrintWriter out, String indent, List<String> cells, int[] widths) {
        StringBuilder line = new StringBuilder(indent);
        for (int column = 0; column < widths.length; column++) {
            String cell = cells.get(column);
            String padding = " ".repeat(widths[column] - cell.length());
            line.append(rightAligned.get(column) ? padding + cell : cell + padding);
            line.append("  ");
        }
        out.println(line.toString().stripTrailing());
    }
}
