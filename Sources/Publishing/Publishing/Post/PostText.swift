package import EventSourcing

/// A post's title: one line of 1 to 255 characters with something to see in it.
package struct Title: TextValue {
    package let text: String

    package init(_ text: String) throws(TextViolation) {
        try text.requireLength(1...255)
        try text.requireOneLine()
        try text.requireNoDirectionControls()
        try text.requireVisible()
        self.text = text
    }
}

/// A post's text: 1 to 200,000 characters, with line breaks and tabs.
package struct Content: TextValue {
    package let text: String

    package init(_ text: String) throws(TextViolation) {
        try text.requireLength(1...200_000)
        try text.requireProse()
        self.text = text
    }
}

/// The name of a post in its address: 1 to 300 of `a-z 0-9 -`.
package struct Slug: TextValue {
    private static let maximumLength = 300
    /// Room for a dash and the longest number of `numbered(_:)`: a made slug stays whole when one is added.
    private static let suffixRoom = 12

    package let text: String

    package init(_ text: String) throws(TextViolation) {
        try text.requireLength(1...Self.maximumLength)
        try text.requireOnly("a-z, 0-9 and -") { $0.isLowercaseAlphanumeric || $0 == "-" }
        self.text = text
    }

    /// Makes a slug from any title: it is written in Latin letters, marks and case are dropped, and all else but letters and digits becomes one dash.
    /// Where nothing remains, as of a title of emoji, the slug is a hash of the title. The same title always makes the same slug.
    package init(for title: String) {
        var bytes: [UInt8] = []
        var needsDash = false
        for scalar in title.latinized.decomposedCompatibly.unicodeScalars {
            if scalar.isLowercaseAlphanumeric {
                if needsDash, !bytes.isEmpty { bytes.append(UInt8(ascii: "-")) }
                needsDash = false
                bytes.append(UInt8(ascii: scalar))
            } else if !scalar.standsWithinWord {
                needsDash = true
            }
        }
        bytes = Array(bytes.prefix(Self.maximumLength - Self.suffixRoom))
        while bytes.last == UInt8(ascii: "-") { bytes.removeLast() }
        text = bytes.isEmpty ? "post-\(String(title.fnv1a, radix: 36))" : String(decoding: bytes, as: UTF8.self)
    }

    private init(unchecked text: String) { self.text = text }

    /// This slug with a number behind it, for when it is taken: `a-title-2`. Cut at the end of its words where there is no room.
    package func numbered(_ number: UInt32) -> Slug { appending(Slug(unchecked: "\(number)")) }

    /// The same with another slug behind it, such as a date.
    package func appending(_ suffix: Slug) -> Slug {
        Slug(unchecked: text.prefix(Self.maximumLength - suffix.text.utf8.count - 1) + "-" + suffix.text)
    }
}

extension Unicode.Scalar {
    /// Marks, apostrophes and the letters like them: left out without parting a word.
    fileprivate var standsWithinWord: Bool {
        if self == "'" || self == "’" { return true }
        switch properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark, .modifierLetter: return true
        default: return false
        }
    }
}

extension String {
    /// FNV-1a with 64 bits (draft-eastlake-fnv). Tells titles apart; slugs that collide all the same are numbered like others.
    fileprivate var fnv1a: UInt64 { utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 } }
}

extension PostRules {
    /// When a post with this history became public: the author's time where one was named, else when its last `PostPublished` was recorded. Nil when
    /// the history does not end published. Throws for an event that can't be read.
    package static func publicationTime(in history: [RecordedEvent]) throws(EventDecodingError) -> Timestamp? {
        for event in history.reversed() {
            switch try decode(event) {
            case .published(let publishedAt): return publishedAt ?? event.recordedAt
            case .drafted, .unpublished, .scheduled, .unscheduled, .deleted: return nil
            case .edited: continue
            }
        }
        return nil
    }
}
