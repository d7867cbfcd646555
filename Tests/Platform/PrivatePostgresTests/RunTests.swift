import Foundation
import Postgres
import PrivatePostgres
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(15))) struct `A private server that is run` {
    @Test func `answers again after it was killed`() async throws {
        try await withFolder { folder in
            try await withServer("\(folder)/pg", .full) { server in
                let first = try #require(server.processID)
                try await running(server) {
                    try await server.execute("CREATE TABLE kept AS SELECT 42 AS answer")
                    await server.kill()
                    try await #expect(server.answer("SELECT answer FROM kept") == 42)
                }
                #expect(try #require(server.processID) != first)
            }
        }
    }

    @Test func `answers again when it was adopted and is killed`() async throws {
        try await withFolder { folder in
            let orphan = PrivateServer(directory: "\(folder)/pg", durability: .throwaway, logger: TestCluster.logger)
            try await orphan.start()
            let adopted = try #require(orphan.processID)
            orphan.letGo()
            try await withServer("\(folder)/pg") { server in
                #expect(server.processID == adopted)
                try await running(server) {
                    // Its parent is this process, which does not reap it: so it stays a dead process, as below a program that reaps nobody.
                    kill(adopted, SIGKILL)
                    // A connection it had may outlive it for a moment.
                    try await eventually { try await server.answer("SELECT 1") != 1 || server.processID != adopted }
                    try await #expect(server.answer("SELECT 42") == 42)
                }
            }
            waitpid(adopted, nil, 0)
        }
    }

    @Test func `stays down once it is stopped`() async throws {
        try await withFolder { folder in
            try await withServer("\(folder)/pg") { server in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await server.run() }
                    await server.stop()
                    try await group.waitForAll()
                }
                #expect(PrivateServer.locate(directory: "\(folder)/pg") == nil)
            }
        }
    }

    @Test func `never outlives a stop that meets its restart`() async throws {
        try await withFolder { folder in
            try await withServer("\(folder)/pg") { server in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await server.run() }
                    await server.kill()
                    await server.stop()
                    try await group.waitForAll()
                }
                #expect(server.processID == nil)
                #expect(PrivateServer.locate(directory: "\(folder)/pg") == nil)
            }
        }
    }

    @Test func `says why when it can't be started again`() async throws {
        try await withFolder { folder in
            try await withServer("\(folder)/pg") { server in
                try Data("shared_buffers = 'nonsense'\n".utf8).write(to: URL(filePath: "\(folder)/pg/data/local.conf"))
                await server.kill()
                let error = await #expect(throws: PrivateServerError.self) { try await server.run() }
                guard case .failedToStart(let tail)? = error else {
                    Issue.record("\(String(describing: error))")
                    return
                }
                #expect(tail.contains("shared_buffers"))
            }
        }
    }
}
