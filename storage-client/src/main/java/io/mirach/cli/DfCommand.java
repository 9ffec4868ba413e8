package io.mirach.cli;

import io.mirach.admin.AdminCall;
import io.mirach.admin.AdminClient;
import io.mirach.admin.DfView;
import io.mirach.admin.Routes;
import io.mirach.admin.StatusView;
import java.io.PrintWriter;
import picocli.CommandLine.Command;

/** {@code mirach df}. */
@Command(
        name = "df",
        description = {
            "Show the room on every data dir.",
            "USED is what Mirach's files take; FREE is what their file system has left."
        },
        footer = {"", "Example:", "  mirach df -o json"})
final class DfCommand extends ReadCommand<DfView> {
    @Override
    AdminCall request() {
        return AdminCall.get(Routes.DF);
    }

    @Override
    DfView fetch(AdminClient client) {
        return client.df();
    }

    @Override
    void print(DfView df, PrintWriter out) {
        Table table = new Table("NODE", "DATA DIR", ">SIZE", ">USED", ">FREE", ">FULL", "");
        for (DfView.Row row : df.rows()) {
            table.row(
                    row.node(),
                    row.path(),
                    ByteSize.format(row.capacityBytes()),
                    ByteSize.format(row.usedBytes()),
                    ByteSize.format(row.availableBytes()),
                    percentFull(row.capacityBytes(), row.availableBytes()),
                    switch (row.fill()) {
                        case OK -> "ok";
                        case NEAR_FULL -> "NEAR FULL";
                        case FULL -> "FULL: writes stopped";
                    });
        }
        StatusView.Capacity totals = df.totals();
        table.row(
                "total",
                "",
                ByteSize.format(totals.totalBytes()),
                ByteSize.format(totals.usedBytes()),
                ByteSize.format(totals.availableBytes()),
                percentFull(totals.totalBytes(), totals.availableBytes()),
                "");
        table.print(out, "");
        out.println();
        out.println(
                "volumes provisioned: "
                        + ByteSize.format(df.provisionedBytes())
                        + " (thin; each stored block takes its size on three nodes)");
        for (DfView.Row row : df.rows()) {
            if (row.fill() != DfView.Fill.OK) {
                out.println(
                        "warning: "
                                + row.node()
                                + " "
                                + row.path()
                                + (row.fill() == DfView.Fill.FULL ? " is full" : " is nearly full")
                                + ": delete volumes ('mirach volume rm NAME') or make its disk"
                                + " larger");
            }
        }
    }

    private static String percentFull(long capacityBytes, long availableBytes) {
        return capacityBytes == 0
                ? ""
                : Math.round(100.0 * (capacityBytes - availableBytes) / capacityBytes) + "%";
    }
}
