import Audit
import FoundationEssentials
import Testing

@Suite(.timeLimit(.minutes(15))) struct `A signed note` {
    /// From the documentation of Go's `note` package.
    private static let vkey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    private static let skey = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
    private static let text =
        "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    private static let signed =
        text + "\n\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"

    @Test func `of Go's is read, and made again byte for byte`() throws {
        let verifier = try #require(NoteVerifier(Self.vkey))
        let signer = try #require(NoteSigner(Self.skey))
        #expect(signer.verifier == verifier && "\(verifier)" == Self.vkey && "\(signer)" == Self.skey)
        let note = try #require(SignedNote(Self.signed))
        #expect(note.text == Self.text && note.isSigned(by: verifier) && note.description == Self.signed)
        #expect(try signer.sign(Self.text).isSigned(by: verifier))
    }

    @Test func `of another text or by another key is not signed`() throws {
        let verifier = try #require(NoteVerifier(Self.vkey))
        let changed = try #require(SignedNote(Self.signed.replacing("answer", with: "problem")))
        #expect(!changed.isSigned(by: verifier))
        let note = try #require(SignedNote(Self.signed))
        #expect(!note.isSigned(by: NoteSigner(name: "PeterNeumann").verifier))
        let twice = try #require(SignedNote(Self.signed + "\u{2014} witness.example AAAAAAAA\n"))
        #expect(twice.isSigned(by: verifier), "another's signature does not matter")
    }

    @Test(arguments: [
        "", "text\n", "text\n\n", "text\n\n— name\n", "text\n\n— name !!!!\n", "text\n\n- name AAAAAAAA\n", "text\n\n— na+me AAAAAAAA\n",
    ])
    func `has its form`(text: String) {
        #expect(SignedNote(text) == nil)
    }

    @Test(arguments: ["PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "a b+c74f20a3+AR", "", "x+y"])
    func `is not checked with what is no key`(text: String) {
        #expect(NoteVerifier(text) == nil)
    }

    @Test func `has a key whose file may end its line in either way`() async throws {
        try await withFolder { folder in
            let path = folder + "/audit.key"
            try #require(
                FileManager.default.createFile(atPath: path, contents: Data("\(Self.skey)\r\n".utf8), attributes: [.posixPermissions: 0o600]))
            #expect(try "\(AuditKeyFile(path).read())" == Self.skey)
        }
    }

    @Test func `says of a log's checkpoint what it is signed for`() throws {
        let root = MerkleHash.sha256([1])
        let checkpoint = Checkpoint(origin: "example.org/log", size: 17, root: root)
        #expect(Checkpoint("\(checkpoint)") == checkpoint)
        #expect(Checkpoint("\(checkpoint)an extension\n") == checkpoint)
        for text in [
            "example.org/log\n017\n\(root.base64)\n", "\n17\n\(root.base64)\n", "a\n-1\n\(root.base64)\n", "a\n1\nAAAA\n", "a\n1\n\(root.base64)",
        ] {
            #expect(Checkpoint(text) == nil, "\(text)")
        }
        // A note of another origin by the same key is not this log's word.
        let signer = NoteSigner(name: "example.org/log")
        let foreign = try signer.sign("\(Checkpoint(origin: "example.org/other", size: 17, root: root))")
        #expect(try #require(SignedCheckpoint(foreign.description)).isSigned(by: signer.verifier) == false)
    }
}
