package io.mirach.admin;

import java.util.Objects;
import java.util.Optional;

/**
 * One call of the admin API, not yet sent.
 *
 * @param method GET, POST or DELETE
 * @param path with its parameters filled in
 * @param body a record of this package
 */
public record AdminCall(String method, String path, Optional<Object> body) {
    public AdminCall {
        Objects.requireNonNull(method, "method");
        Objects.requireNonNull(path, "path");
        Objects.requireNonNull(body, "body");
    }

    public static AdminCall get(String path) {
        return new AdminCall("GET", path, Optional.empty());
    }

    public static AdminCall post(String path, Object body) {
        return new AdminCall("POST", path, Optional.of(body));
    }

    /** A change that the path says all about. */
    public static AdminCall post(String path) {
        return new AdminCall("POST", path, Optional.empty());
    }

    public static AdminCall delete(String path) {
        return new AdminCall("DELETE", path, Optional.empty());
    }

    /** Whether it changes nothing, so that it may be sent again anywhere. */
    public boolean isRead() {
        return method.equals("GET");
    }
}
