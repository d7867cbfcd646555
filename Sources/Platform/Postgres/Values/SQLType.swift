/// The object identifiers of PostgreSQL's built-in types (`pg_type.dat`); they never change.
enum SQLType {
    static let bool: UInt32 = 16
    static let bytea: UInt32 = 17
    static let char: UInt32 = 18
    static let name: UInt32 = 19
    static let int8: UInt32 = 20
    static let int2: UInt32 = 21
    static let int4: UInt32 = 23
    static let text: UInt32 = 25
    static let oid: UInt32 = 26
    static let json: UInt32 = 114
    static let float4: UInt32 = 700
    static let float8: UInt32 = 701
    static let unknown: UInt32 = 705
    static let boolArray: UInt32 = 1000
    static let byteaArray: UInt32 = 1001
    static let int2Array: UInt32 = 1005
    static let int4Array: UInt32 = 1007
    static let textArray: UInt32 = 1009
    static let int8Array: UInt32 = 1016
    static let bpchar: UInt32 = 1042
    static let varchar: UInt32 = 1043
    static let timestamp: UInt32 = 1114
    static let timestamptz: UInt32 = 1184
    static let timestamptzArray: UInt32 = 1185
    static let uuid: UInt32 = 2950
    static let uuidArray: UInt32 = 2951
    static let jsonb: UInt32 = 3802
    static let jsonbArray: UInt32 = 3807
    /// Leaves the choice to the server.
    static let inferred: UInt32 = 0
}

extension SQLValue {
    /// The type declared to the server when a statement is prepared with this value.
    var type: UInt32 {
        switch self {
        case .null: SQLType.inferred
        case .bool: SQLType.bool
        case .int2: SQLType.int2
        case .int4: SQLType.int4
        case .int8: SQLType.int8
        case .double: SQLType.float8
        case .text: SQLType.text
        case .bytes: SQLType.bytea
        case .uuid: SQLType.uuid
        case .timestamp: SQLType.timestamptz
        case .jsonb: SQLType.jsonb
        case .texts: SQLType.textArray
        case .int2s: SQLType.int2Array
        case .int4s: SQLType.int4Array
        case .int8s: SQLType.int8Array
        case .uuids: SQLType.uuidArray
        case .byteas: SQLType.byteaArray
        case .jsonbs: SQLType.jsonbArray
        case .timestamps: SQLType.timestamptzArray
        case .bools: SQLType.boolArray
        }
    }
}
