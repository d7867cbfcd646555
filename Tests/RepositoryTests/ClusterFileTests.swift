import Foundation
import Testing

@Suite struct `The page of high availability` {
    @Test(arguments: ["etcd.yml", "patroni.yml", "haproxy.cfg"]) func `shows the files as they are`(name: String) throws {
        let page = try String(contentsOf: SourceTree.root.appending(path: "docs/high-availability.md"), encoding: .utf8)
        let file = try String(contentsOf: SourceTree.root.appending(path: "deploy/patroni/\(name)"), encoding: .utf8)
        #expect(page.contains("\n\(file)```"))
    }
}
