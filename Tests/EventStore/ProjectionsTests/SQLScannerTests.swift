import Testing

@testable import Projections

private func parameters(in sql: String) -> [String] {
    let file = SQLFile(path: "m/f.sql", text: sql)
    return file.tokens.filter { $0.kind == .parameter }.map { file.text(of: $0) }
}

@Suite struct `SQL text` {
    @Test(arguments: [
        ("VALUES (:a, :b_c1)", [":a", ":b_c1"]),
        ("SELECT ':a', :b", [":b"]),
        ("SELECT 'it''s :a', :b", [":b"]),
        (#"SELECT E'it\'s :a', :b"#, [":b"]),
        (#"SELECT 'back\', :b"#, [":b"]),
        (#"SELECT ":a"":x", :b"#, [":b"]),
        ("SELECT $$ :a $$, $tag$ :a $$ $tag$, :b", [":b"]),
        ("SELECT 1 -- :a\n, :b", [":b"]),
        ("SELECT 1 /* :a /* :a */ :a */, :b", [":b"]),
        ("SELECT x::text, :b::bigint", [":b"]),
        ("SELECT 1e5, a1, :b", [":b"]),
        ("SELECT name1'x', :b", [":b"]),
        ("SELECT ':never closed :b", []),
        ("SELECT /* never closed :b", []),
        (":publishedAt", [":publishedAt"]),
    ])
    func `has parameters outside quotes, comments and casts only`(sql: String, expected: [String]) {
        #expect(parameters(in: sql) == expected)
    }

    @Test func `knows the line of each token, also after literals and comments of several lines`() {
        let file = SQLFile(path: "m/f.sql", text: "a\n'x\ny' b /*\n\n*/ c\n$$\n$$ d")
        #expect(file.tokens.filter { $0.kind == .word }.map { "\(file.text(of: $0))\($0.line)" } == ["a1", "b3", "c5", "d7"])
    }

    @Test func `is split into statements at semicolons of its own`() {
        let file = SQLFile(path: "m/f.sql", text: "a ';' b; c $$;$$; -- ;\n")
        #expect(file.statements.count == 2)
    }
}
