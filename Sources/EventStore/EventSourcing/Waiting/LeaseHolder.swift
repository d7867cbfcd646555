import FoundationEssentials
import Glibc

/// The name under which this process holds leases: `<host>:<process id>:<four random characters>`, since two containers may share the first two.
package func leaseHolderName() -> String {
    var name = [CChar](repeating: 0, count: 256)
    let host = gethostname(&name, name.count - 1) == 0 ? String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self) : "?"
    return "\(host):\(getpid()):\(UUID().lowercased.prefix(4))"
}
