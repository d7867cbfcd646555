import Crypto
package import EventSourcing

extension SigningKey {
    /// Claims of another sort than an access token's, as a JWS in its compact form (RFC 7515 §3.1). `type` goes into the header (RFC 8725 §3.11), so that neither can
    /// be taken for the other.
    package func sign(_ claims: JSONObject, type: String) throws -> String {
        let header: JSONObject = ["alg": .string("EdDSA"), "kid": .string(kid), "typ": .string(type)]
        let input = Base64URL.encode(JSON.object(header).encoded) + "." + Base64URL.encode(JSON.object(claims).encoded)
        let key = try Curve25519.Signing.PrivateKey(rawRepresentation: privateKeyBytes)
        return input + "." + Base64URL.encode(try key.signature(for: Array(input.utf8)))
    }
}
