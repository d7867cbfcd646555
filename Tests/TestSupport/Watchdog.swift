import Glibc
import PrivatePostgres

/// Clears up after a test process that was killed: a shell waits for the lock on the server's folder, which the kernel frees when its holder
/// is gone, then ends the server and removes the folder.
enum Watchdog {
    private static let script = """
        flock "$1/lock" true
        pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid" && while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
        rm -rf "$1"
        """

    static func guardCluster(in directory: String) throws {
        let null = open("/dev/null", O_WRONLY | O_CLOEXEC)
        defer { close(null) }
        _ = try Command(["/bin/sh", "-c", script, "watchdog", directory]).start(output: null)
    }
}
