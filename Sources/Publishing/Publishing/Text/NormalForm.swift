// The whole of Foundation, in this file only: its essentials have no normal forms, and neither has the standard library.
import Foundation

extension String {
    /// Normal form C (UAX #15): one spelling for what a reader can't tell apart.
    var composed: String { precomposedStringWithCanonicalMapping }

    /// Normal form KD (UAX #15): marks apart from their letters, ligatures and wide forms as plain letters.
    var decomposedCompatibly: String { decomposedStringWithCompatibilityMapping }
}
