import JSON

/// Rows under headings, in columns as wide as they need to be. Cells may quote anybody: what could steer the terminal is escaped.
struct TextTable {
    private var rows: [[String]]

    init(_ headings: String...) { rows = [headings] }

    mutating func add(_ cells: String...) { rows.append(cells.map(\.escapingControls)) }

    /// The headings and a line for each row, without blanks at their ends.
    var lines: [String] {
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = zip(row, widths).map { cell, width in cell + String(repeating: " ", count: width - cell.count) }
            let line = cells.joined(separator: "  ")
            return String(line.reversed().drop { $0 == " " }.reversed())
        }
    }
}
