import EventSourcing
import JSON

extension UserRow {
    /// As anyone sees an account.
    func writeProfile(to writer: inout JSONWriter) { write(to: &writer, showsEmail: false, showsStatus: false) }

    /// As its owner sees it.
    func writeOwn(to writer: inout JSONWriter) { write(to: &writer, showsEmail: true, showsStatus: false) }

    /// As an admin's list shows it: whether it may sign in, and still no address.
    func writeAdministered(to writer: inout JSONWriter) { write(to: &writer, showsEmail: false, showsStatus: true) }

    private func write(to writer: inout JSONWriter, showsEmail: Bool, showsStatus: Bool) {
        writer.object {
            $0.member("id", id: id)
            $0.member("username", text: username)
            if showsEmail { $0.member("email", text: email) }
            $0.member("displayName", text: displayName)
            $0.member("bio", text: bio)
            $0.member("role", text: role)
            if showsStatus { $0.member("status", text: status) }
            $0.member("postCount", count: postCount)
            $0.member("createdAt", time: createdAt)
            $0.member("version", count: version)
        }
    }
}
