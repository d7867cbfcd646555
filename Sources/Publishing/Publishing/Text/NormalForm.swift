// The whole of Foundation, in this file only: its essentials have no normal forms and no transliteration, and neither has the standard library.
import Foundation

extension String {
    /// Normal form C (UAX #15): one spelling for what a reader can't tell apart.
    var composed: String { precomposedStringWithCanonicalMapping }

    /// Normal form KD (UAX #15): marks apart from their letters, ligatures and wide forms as plain letters.
    var decomposedCompatibly: String { decomposedStringWithCompatibilityMapping }

    /// In lower-case Latin letters without marks, as far as ICU can write the text so: "Привет" as "privet".
    var latinized: String {
        if utf8.allSatisfy({ $0 < 0x80 }) { return lowercased() }
        // The compiler finds it only with `self`.
        return self.applyingTransform(StringTransform("Any-Latin; Latin-ASCII; Lower()"), reverse: false) ?? lowercased()
    }

    /// A host's name in its ASCII form, as the DNS has it (UTS #46): "Bücher.example" as "xn--bcher-kva.example". In lower case where it has none.
    var asciiHost: String {
        if utf8.allSatisfy({ $0 < 0x80 }) { return lowercased() }
        return (URL(string: "http://\(self)/")?.host ?? self).lowercased()
    }
}
