//! What may happen, before it is known what there is: choices among what the state then holds.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::reference::DEPOSIT_LIMIT;

/// One transaction, some time after the one before.
#[derive(Debug, Clone)]
pub struct Step {
    pub wait: Wait,
    /// The account that sends it, where the kind leaves that open.
    pub sender: Index,
    pub action: Action,
    pub flaw: Flaw,
}

#[derive(Debug, Clone)]
pub enum Wait {
    Seconds(u64),
    /// To a second before the expiry of a channel, to the expiry, or to a second after it.
    Expiry {
        channel: Index,
        late: i8,
    },
}

#[derive(Debug, Clone)]
pub enum Action {
    Register {
        cid: u8,
        terms: TermsChoice,
    },
    UpdateTerms {
        content: Index,
        terms: TermsChoice,
    },
    Deregister {
        content: Index,
    },
    RegisterStream {
        content: Index,
    },
    DeregisterStream {
        stream: Index,
    },
    View {
        stream: Index,
        viewer: Index,
        pay: Pay,
    },
    ViewBySig {
        stream: Index,
        viewer: Index,
        pay: Pay,
    },
    Open {
        stream: Index,
        parties: Parties,
        deposit: u128,
        pay: Pay,
    },
    TopUp {
        channel: Index,
        amount: u128,
        pay: Pay,
    },
    Settle {
        rows: Vec<Row>,
        repeat: bool,
    },
    Close {
        channel: Index,
        sum: Sum,
        form: Form,
    },
    Refund {
        channel: Index,
    },
    Claim {
        row: Index,
        to: Index,
    },
    ClaimFor {
        row: Index,
    },
}

/// What is deliberately wrong with it; where it does not apply, nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    None,
    /// Somebody who may not, or is not there.
    Account,
    /// An amount that is not the one that is due.
    Amount,
    /// More ether than is due, or some where none is.
    Value,
    /// Signed by somebody else.
    Signer,
    /// Not the next one, or used before.
    Nonce,
    /// Too late, or not yet.
    Deadline,
    /// Another currency.
    Token,
}

#[derive(Debug, Clone)]
pub struct TermsChoice {
    pub in_ether: bool,
    pub payout: Index,
    pub share_bps: u16,
    pub per_view: u64,
    pub per_second: u64,
}

/// How a token comes in; ether comes along.
#[derive(Debug, Clone, Copy)]
pub enum Pay {
    Allowance,
    Permit,
    Authorization,
}

#[derive(Debug, Clone)]
pub struct Parties {
    pub payer: Index,
    pub signer: Index,
    pub lasts: i64,
}

/// One voucher of a settlement.
#[derive(Debug, Clone)]
pub struct Row {
    pub channel: Index,
    pub sum: Sum,
    pub form: Form,
}

/// The sum of a voucher.
#[derive(Debug, Clone, Copy)]
pub enum Sum {
    /// So much more than what is settled, where the deposit has it.
    More(u128),
    /// So many parts of 256 of what is not settled.
    Part(u8),
    Settled,
    Less,
    All,
    TooMuch,
}

/// How a voucher is signed.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    Long,
    /// 64 bytes (EIP-2098).
    Compact,
    BySomebodyElse,
    OverAnotherSum,
    Garbage,
}

/// Sequences that begin with something to pay for.
pub fn sequence() -> impl Strategy<Value = Vec<Step>> {
    (
        prop::collection::vec(offer(), 2..5),
        prop::collection::vec(step(), 10..60),
    )
        .prop_map(|(offers, steps)| offers.into_iter().flatten().chain(steps).collect())
}

/// A content, a stream of it, and a channel that pays for it.
fn offer() -> impl Strategy<Value = [Step; 3]> {
    let senders = any::<[Index; 3]>();
    let deposit = 1..10_000_000_u128;
    (
        senders,
        any::<Index>(),
        0..3_u8,
        terms(),
        parties(),
        deposit,
    )
        .prop_map(
            |([creator, provider, payer], chosen, cid, terms, parties, deposit)| {
                let step = |sender, action| Step {
                    wait: Wait::Seconds(1),
                    sender,
                    action,
                    flaw: Flaw::None,
                };
                let open = Action::Open {
                    stream: chosen,
                    parties,
                    deposit,
                    pay: Pay::Allowance,
                };
                [
                    step(creator, Action::Register { cid, terms }),
                    step(provider, Action::RegisterStream { content: chosen }),
                    step(payer, open),
                ]
            },
        )
}

fn step() -> impl Strategy<Value = Step> {
    (wait(), any::<Index>(), action(), flaw()).prop_map(|(wait, sender, action, flaw)| Step {
        wait,
        sender,
        action,
        flaw,
    })
}

fn wait() -> impl Strategy<Value = Wait> {
    prop_oneof![
        8 => (1..20_u64).prop_map(Wait::Seconds),
        1 => (20..4_000_u64).prop_map(Wait::Seconds),
        2 => (any::<Index>(), -1..=1_i8)
            .prop_map(|(channel, late)| Wait::Expiry { channel, late }),
    ]
}

fn flaw() -> impl Strategy<Value = Flaw> {
    let flaws = vec![
        Flaw::Account,
        Flaw::Amount,
        Flaw::Value,
        Flaw::Signer,
        Flaw::Nonce,
        Flaw::Deadline,
        Flaw::Token,
    ];
    prop_oneof![5 => Just(Flaw::None), 1 => select(flaws)]
}

fn action() -> impl Strategy<Value = Action> {
    let index = any::<Index>;
    prop_oneof![
        2 => (0..4_u8, terms()).prop_map(|(cid, terms)| Action::Register { cid, terms }),
        2 => (index(), terms()).prop_map(|(content, terms)| Action::UpdateTerms { content, terms }),
        1 => index().prop_map(|content| Action::Deregister { content }),
        3 => index().prop_map(|content| Action::RegisterStream { content }),
        1 => index().prop_map(|stream| Action::DeregisterStream { stream }),
        5 => (index(), index(), pay())
            .prop_map(|(stream, viewer, pay)| Action::View { stream, viewer, pay }),
        3 => (index(), index(), pay())
            .prop_map(|(stream, viewer, pay)| Action::ViewBySig { stream, viewer, pay }),
        10 => (index(), parties(), amount(), pay()).prop_map(|(stream, parties, deposit, pay)| {
            Action::Open { stream, parties, deposit, pay }
        }),
        4 => (index(), amount(), pay())
            .prop_map(|(channel, amount, pay)| Action::TopUp { channel, amount, pay }),
        9 => (prop::collection::vec(row(), 1..6), any::<bool>())
            .prop_map(|(rows, repeat)| Action::Settle { rows, repeat }),
        4 => (index(), sum(), form())
            .prop_map(|(channel, sum, form)| Action::Close { channel, sum, form }),
        4 => index().prop_map(|channel| Action::Refund { channel }),
        3 => (index(), index()).prop_map(|(row, to)| Action::Claim { row, to }),
        3 => index().prop_map(|row| Action::ClaimFor { row }),
    ]
}

fn terms() -> impl Strategy<Value = TermsChoice> {
    let share = prop_oneof![
        1 => Just(0_u16),
        1 => Just(10_000),
        1 => Just(10_001),
        12 => 1..10_000_u16,
    ];
    let price = || prop_oneof![1 => Just(0_u64), 3 => 1..50_u64, 6 => 1..40_000_000_u64];
    (any::<bool>(), any::<Index>(), share, price(), price()).prop_map(
        |(in_ether, payout, share_bps, per_view, per_second)| TermsChoice {
            in_ether,
            payout,
            share_bps,
            per_view,
            per_second,
        },
    )
}

fn parties() -> impl Strategy<Value = Parties> {
    const YEAR: i64 = 365 * 24 * 60 * 60;
    let lasts = prop_oneof![
        12 => 1..500_i64,
        2 => 500..5_000_i64,
        1 => -1..=0_i64,
        1 => YEAR..=YEAR + 1,
    ];
    (any::<Index>(), any::<Index>(), lasts).prop_map(|(payer, signer, lasts)| Parties {
        payer,
        signer,
        lasts,
    })
}

fn amount() -> impl Strategy<Value = u128> {
    prop_oneof![
        1 => Just(0_u128),
        4 => 1..200_u128,
        12 => 1..100_000_000_u128,
        1 => DEPOSIT_LIMIT - 3..=DEPOSIT_LIMIT,
        1 => 1..DEPOSIT_LIMIT,
    ]
}

fn pay() -> impl Strategy<Value = Pay> {
    select(vec![Pay::Allowance, Pay::Permit, Pay::Authorization])
}

fn row() -> impl Strategy<Value = Row> {
    (any::<Index>(), sum(), form()).prop_map(|(channel, sum, form)| Row { channel, sum, form })
}

fn sum() -> impl Strategy<Value = Sum> {
    prop_oneof![
        6 => (1..20_u128).prop_map(Sum::More),
        6 => any::<u8>().prop_map(Sum::Part),
        1 => Just(Sum::Settled),
        1 => Just(Sum::Less),
        2 => Just(Sum::All),
        1 => Just(Sum::TooMuch),
    ]
}

fn form() -> impl Strategy<Value = Form> {
    prop_oneof![
        8 => Just(Form::Long),
        3 => Just(Form::Compact),
        1 => Just(Form::BySomebodyElse),
        1 => Just(Form::OverAnotherSum),
        1 => Just(Form::Garbage),
    ]
}
