/// The folder of `Package.swift`, as an absolute path.
package let repositoryRoot: String = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
