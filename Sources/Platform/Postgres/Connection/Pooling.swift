/// How a connection comes to a server process.
package enum Pooling: Sendable, Hashable {
    /// By itself, or through a pooler that keeps one for it: settings of the session stay.
    case session
    /// Through a pooler that lends one for each transaction. Nothing is set in the session or prepared by name: it would be left to strangers, and
    /// the next transaction would not find it. The login has to be the role, and settings belong on the role.
    case transaction
}
