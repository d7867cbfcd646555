/// How private keys are locked before they are stored: under the master key, which this service never sees.
package struct KeyWrapping: Sendable {
    /// Locks; the result differs each time.
    package let wrap: @Sendable ([UInt8]) throws -> [UInt8]
    /// Opens what `wrap` locked; throws when it was another master key, or when the bytes were changed.
    package let unwrap: @Sendable ([UInt8]) throws -> [UInt8]

    /// A pair that belongs together.
    package init(wrap: @escaping @Sendable ([UInt8]) throws -> [UInt8], unwrap: @escaping @Sendable ([UInt8]) throws -> [UInt8]) {
        self.wrap = wrap
        self.unwrap = unwrap
    }
}
