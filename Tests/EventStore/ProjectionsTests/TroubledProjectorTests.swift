import EventSourcing
import FoundationEssentials
import Publishing
import TestSupport
import Testing

@testable import Projections

/// The error of a vault that is not this log's.
private struct Sealed: Error {}

@Suite(.timeLimit(.minutes(15))) struct `A projector that can not read on` {
    /// The one model's status once it is so.
    private func status(of database: ReadDatabase, when isSo: (ReadModelStatus) -> Bool) async throws -> ReadModelStatus {
        var found: ReadModelStatus?
        try await eventually {
            found = try await ReadModelStatus.readAll(from: database.pool).first(where: isSo)
            return found != nil
        }
        return try #require(found)
    }

    private func log(_ history: History, unreadableFrom position: Int64, until isMended: Flag) -> AlteredLog {
        AlteredLog(history.store) { page in
            if !isMended.isSet, page.contains(where: { $0.position >= position }) { throw Sealed() }
            return page
        }
    }

    @Test func `says so in the database when that lasts, until it reads on`() async throws {
        let (history, isMended) = (History(), Flag())
        try await history.tell(views: 1, of: .number(1))
        let log = self.log(history, unreadableFrom: 2, until: isMended)
        try await withReadDatabase { database in
            try await withProjections(PickyModel.folder) { folder in
                try await project(log, into: database, folder: folder) { projecting in
                    try await projecting.caughtUp()
                    try await history.tell(views: 1, of: .number(1))
                    let failing = try await status(of: database) { $0.failingAt != nil }
                    #expect(failing.failingAt == 2 && failing.state == .failing)
                    isMended.set()
                    try await projecting.caughtUp()
                    try await eventually { try await ReadModelStatus.readAll(from: database.pool).map(\.state) == [.current] }
                }
            }
        }
    }

    @Test func `says so until it can, also when nothing is left to be applied`() async throws {
        let (history, isMended) = (History(), Flag())
        try await history.tell(views: 1, of: .number(1))
        let log = self.log(history, unreadableFrom: 1, until: isMended)
        try await withReadDatabase { database in
            try await withProjections(PickyModel.folder) { folder in
                try await project(history.store, into: database, folder: folder) { try await $0.caughtUp() }
                try await project(log, into: database, folder: folder) { projecting in
                    _ = try await status(of: database) { $0.state == .failing }
                    try await eventually { projecting.group.statuses.map(\.state) == [.failed(position: 2)] }
                    isMended.set()
                    _ = try await status(of: database) { $0.state == .current }
                }
            }
        }
    }
}
