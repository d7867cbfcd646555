import PrivatePostgres
import TestSupport
import Testing

@Suite struct `A private server` {
}
