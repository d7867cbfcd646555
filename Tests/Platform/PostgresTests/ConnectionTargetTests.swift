import Postgres
import Testing

@Suite struct `A connection target` {
    @Test func `shows everything but the password`() throws {
        let target = try ConnectionTarget(url: "postgres://ann:s3cret%21@db.example:6432/log?sslmode=disable&application_name=me")
        #expect(target.redacted == "host=db.example port=6432 user=ann dbname=log password=<redacted>")
        #expect(target.applicationName == "me")
        var shown = "\(target) \(String(reflecting: target))"
        dump(target, to: &shown)
        #expect(!shown.contains("s3cret"))
    }

    @Test(arguments: ["postgres://ann@%2Frun%2Fpg/log", "postgres:///log?host=/run/pg&user=ann", "host=/run/pg user=ann dbname=log"])
    func `takes a socket's folder in every spelling`(url: String) throws {
        let target = try ConnectionTarget(url: url)
        #expect(target.redacted.contains("host=/run/pg") && target.user == "ann" && target.database == "log")
    }

    @Test func `takes several hosts`() throws {
        let target = try ConnectionTarget(url: "postgres://ann@a:1,b:2/log?target_session_attrs=prefer-standby")
        #expect(target.redacted == "host=a,b port=1,2 user=ann dbname=log")
        #expect(target.database("read").redacted == "host=a,b port=1,2 user=ann dbname=read")
    }

    @Test(arguments: ["postgres://ann:s3cret@[::1/x", "postgres://ann:s3cret@h/d?nonsense=s3cret", "s3cret", "postgres://ann:s3cret@h:1:2:3]/d?a"])
    func `refuses nonsense without repeating it`(url: String) throws {
        let error = #expect(throws: PostgresError.self) { try ConnectionTarget(url: url) }
        #expect(error?.kind == .configuration)
        #expect(error?.debugDescription.contains("s3cret") == false)
    }
}
