package io.mirach.cli;

import io.mirach.admin.AdminCall;
import io.mirach.admin.AdminClient;
import io.mirach.admin.AdviceView;
import io.mirach.admin.Routes;
import java.io.PrintWriter;
import picocli.CommandLine.Command;

/** {@code mirach advise}. */
@Command(
        name = "advise",
        description = {
            "Say what should be done next, and what to type; and which nodes may be lost now."
        },
        footer = {"", "Example:", "  mirach advise"})
final class AdviseCommand extends ReadCommand<AdviceView> {
    @Override
    AdminCall request() {
        return AdminCall.get(Routes.ADVICE);
    }

    @Override
    AdviceView fetch(AdminClient client) {
        return client.advice();
    }

    @Override
    void print(AdviceView advice, PrintWriter out) {
        for (AdviceView.Item item : advice.items()) {
            out.println(item.severity() + "  " + item.finding());
            if (!item.command().isEmpty()) {
                out.println("      type: " + item.command());
            }
            if (!item.effect().isEmpty()) {
                out.println("      then: " + item.effect());
            }
        }
        if (advice.items().isEmpty()) {
            out.println("nothing to do");
        }
        out.println(
                advice.survivable().isEmpty()
                        ? "no node may be lost now"
                        : "any one of these may be lost now: "
                                + String.join(", ", advice.survivable()));
    }
}
