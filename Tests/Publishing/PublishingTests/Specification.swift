import EventSourcing

/// The events so far, for a specification to go on with: `given(PostRules.self, .drafted(…)).when(.publish(…))`.
func given<Rules: Decider>(_ rules: Rules.Type, _ events: [Rules.Event]) -> Given<Rules> { Given(state: Rules.fold(events)) }

func given<Rules: Decider>(_ rules: Rules.Type, _ events: Rules.Event...) -> Given<Rules> { given(rules, events) }

struct Given<Rules: Decider> {
    let state: Rules.State

    /// The rules' answer: events to record, or a refusal.
    func when(_ command: Rules.Command) -> Result<[Rules.Event], Rules.Refusal> {
        do throws(Rules.Refusal) {
            return .success(try Rules.decide(command, in: state))
        } catch {
            return .failure(error)
        }
    }
}
