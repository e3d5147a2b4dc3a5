use domain::testing::{eur, money, quantity};
use domain::{
    Address, AmountOverflow, CancellationReason, Country, CreditNoteNumber, Currency, EmailAddress,
    InvalidValue, InvoiceNumber, Money, Name, PaymentAmount, PaymentReference, Quantity, Reason, Size,
    TrackingNumber, UnitPrice, Weight,
};
use proptest::prelude::*;

fn refused<T: std::fmt::Debug>(value: Result<T, InvalidValue>) -> (&'static str, Reason) {
    let error = value.unwrap_err();
    (error.field, error.reason)
}

#[test]
fn a_name_is_trimmed_and_says_something() {
    assert_eq!(Name::new("  Ada Lovelace\n").unwrap().as_str(), "Ada Lovelace");
    assert_eq!(Name::new("渡辺").unwrap().as_str(), "渡辺");
    for blank in ["", " ", "\u{a0}\t\n"] {
        assert_eq!(refused(Name::new(blank)), ("name", Reason::Empty));
    }
    for control in ["a\0b", "a\nb", "a\u{7f}b", "a\u{85}b"] {
        assert_eq!(refused(Name::new(control)), ("name", Reason::ControlCharacter));
    }
    assert!(Name::new(&"é".repeat(200)).is_ok());
    assert_eq!(
        refused(Name::new(&"é".repeat(201))),
        ("name", Reason::TooLong { max: 200 })
    );
}

#[test]
fn an_email_address_has_a_local_part_and_a_domain() {
    for good in [
        "ada@example.org",
        "a.b+c@mail.example.co.uk",
        "用户@例子.公司",
        "x@1-2.de",
        " ada@example.org ",
    ] {
        assert!(EmailAddress::new(good).is_ok(), "{good}");
    }
    for bad in [
        "ada",
        "@example.org",
        "ada@",
        "ada@example",
        "ada@@example.org",
        "a b@example.org",
        "ada@exa mple.org",
        ".ada@example.org",
        "ada.@example.org",
        "a..b@example.org",
        "ada@-a.org",
        "ada@a-.org",
        "ada@a..org",
        "ada@.org",
        "ada@example.org.",
        "<ada@example.org>",
        "ada@example,org",
    ] {
        assert_eq!(
            refused(EmailAddress::new(bad)),
            ("email", Reason::NotAnEmailAddress),
            "{bad}"
        );
    }
    assert_eq!(refused(EmailAddress::new("")), ("email", Reason::Empty));
    let long = format!("{}@example.org", "a".repeat(65));
    assert_eq!(
        refused(EmailAddress::new(&long)),
        ("email", Reason::NotAnEmailAddress)
    );
    let longer = format!("a@{}org", "a.".repeat(200));
    assert_eq!(
        refused(EmailAddress::new(&longer)),
        ("email", Reason::TooLong { max: 254 })
    );
}

#[test]
fn an_address_names_the_member_that_is_wrong() {
    let address = Address::new;
    let good = address(" Ada ", "1 Road", "", "Hong Kong", "HK").unwrap();
    assert_eq!(
        (good.name(), good.postal_code(), good.country().code()),
        ("Ada", "", "HK")
    );
    assert_eq!(refused(address("", "s", "p", "c", "GB")), ("name", Reason::Empty));
    assert_eq!(
        refused(address("n", " ", "p", "c", "GB")),
        ("street", Reason::Empty)
    );
    assert_eq!(
        refused(address("n", "s", &"1".repeat(21), "c", "GB")),
        ("postal_code", Reason::TooLong { max: 20 })
    );
    assert_eq!(refused(address("n", "s", "p", "", "GB")), ("city", Reason::Empty));
    assert_eq!(
        refused(address("n", "s", "p", "c", "UK")),
        ("country", Reason::UnknownCountry)
    );
}

#[test]
fn countries_and_currencies_are_those_of_the_standards() {
    for known in ["AD", "DE", "GB", "TW", "ZW"] {
        assert_eq!(Country::new(known).unwrap().code(), known);
    }
    for unknown in ["", "D", "DEU", "de", "UK", "EU", "XK", "ZZ", "D\u{0}"] {
        assert_eq!(
            refused(Country::new(unknown)),
            ("country", Reason::UnknownCountry),
            "{unknown}"
        );
    }
    for known in ["AED", "CHF", "EUR", "JPY", "SLE", "USD", "XAF", "XCG", "ZWG"] {
        assert_eq!(Currency::new(known).unwrap().code(), known);
    }
    for unknown in [
        "", "EU", "EURO", "eur", "Eur", "ABC", "DEM", "HRK", "XXX", "XTS", "XAU", "ZZZ",
    ] {
        assert_eq!(
            refused(Currency::new(unknown)),
            ("currency", Reason::UnknownCurrency),
            "{unknown}"
        );
    }
}

#[test]
fn every_listed_code_is_found() {
    let letters = b'A'..=b'Z';
    let code = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let mut countries = 0;
    let mut currencies = 0;
    for a in letters.clone() {
        for b in letters.clone() {
            countries += usize::from(Country::new(&code(&[a, b])).is_ok());
            for c in letters.clone() {
                currencies += usize::from(Currency::new(&code(&[a, b, c])).is_ok());
            }
        }
    }
    // A list out of order would hide codes from the search.
    assert_eq!((countries, currencies), (249, CURRENCIES));
}

const CURRENCIES: usize = 165;

#[test]
fn quantities_sizes_and_weights_have_bounds() {
    let range = |max| Reason::OutOfRange { min: 1, max };
    for good in [1, 1_000_000] {
        assert_eq!(i64::from(Quantity::new(good).unwrap().get()), good);
    }
    for bad in [i64::MIN, -1, 0, 1_000_001, 1 << 32, i64::MAX] {
        assert_eq!(refused(Quantity::new(bad)), ("quantity", range(1_000_000)));
        assert_eq!(refused(Size::new(bad, 1, 1)), ("length_mm", range(1_000_000)));
        assert_eq!(refused(Size::new(1, bad, 1)), ("width_mm", range(1_000_000)));
        assert_eq!(refused(Size::new(1, 1, bad)), ("height_mm", range(1_000_000)));
    }
    assert_eq!(Weight::from_grams(1_000_000_000).unwrap().grams(), 1_000_000_000);
    assert_eq!(
        refused(Weight::from_grams(0)),
        ("weight_grams", range(1_000_000_000))
    );
    assert!(quantity(1_000_000).checked_add(quantity(1)).is_err());
}

#[test]
fn a_unit_price_is_not_negative() {
    assert_eq!(
        refused(UnitPrice::new(money(-1, "EUR"))),
        ("amount", Reason::Negative)
    );
    assert_eq!(
        refused(UnitPrice::new(money(i64::MIN, "EUR"))),
        ("amount", Reason::Negative)
    );
    assert!(UnitPrice::new(money(0, "EUR")).is_ok());
    assert_eq!(
        refused(Money::parse(1, "???")),
        ("currency", Reason::UnknownCurrency)
    );
}

#[test]
fn a_payment_is_more_than_nothing() {
    for bad in [i64::MIN, -1, 0] {
        assert_eq!(
            refused(PaymentAmount::new(money(bad, "EUR"))),
            (
                "amount",
                Reason::OutOfRange {
                    min: 1,
                    max: i64::MAX
                }
            )
        );
    }
    assert!(PaymentAmount::new(money(1, "EUR")).is_ok());
}

#[test]
fn documents_are_numbered_from_one() {
    for bad in [i64::MIN, -1, 0] {
        assert_eq!(refused(InvoiceNumber::new(bad)).0, "number");
        assert_eq!(refused(CreditNoteNumber::new(bad)).0, "number");
    }
    assert_eq!(InvoiceNumber::new(1).unwrap().get(), 1);
    assert_eq!(CreditNoteNumber::new(i64::MAX).unwrap().get(), i64::MAX);
}

#[test]
fn notes_say_something_and_not_too_much() {
    assert_eq!(TrackingNumber::new(" 1Z 999 ").unwrap().as_str(), "1Z 999");
    assert_eq!(
        refused(TrackingNumber::new(" ")),
        ("tracking_number", Reason::Empty)
    );
    assert_eq!(
        refused(TrackingNumber::new(&"é".repeat(101))),
        ("tracking_number", Reason::TooLong { max: 100 })
    );
    assert_eq!(
        refused(CancellationReason::new("a\0b")),
        ("reason", Reason::ControlCharacter)
    );
    assert_eq!(
        refused(CancellationReason::new(&"é".repeat(501))),
        ("reason", Reason::TooLong { max: 500 })
    );
    assert_eq!(
        refused(PaymentReference::new(&"é".repeat(201))),
        ("reference", Reason::TooLong { max: 200 })
    );
    assert!(PaymentReference::new(&"é".repeat(200)).is_ok());
}

#[test]
fn amounts_do_not_wrap() {
    assert_eq!(
        money(1, "EUR").checked_add(money(2, "EUR")),
        Some(money(3, "EUR"))
    );
    assert_eq!(money(1, "EUR").checked_add(money(2, "USD")), None);
    assert_eq!(money(i64::MAX, "EUR").checked_add(money(1, "EUR")), None);
    assert_eq!(eur(1999).times(quantity(3)), Ok(money(5997, "EUR")));
    assert_eq!(eur(i64::MAX).times(quantity(1)), Ok(money(i64::MAX, "EUR")));
    assert_eq!(eur(i64::MAX).times(quantity(2)), Err(AmountOverflow));
}

proptest! {
    #[test]
    fn any_text_is_taken_or_refused(text in ".{0,300}") {
        if let Ok(name) = Name::new(&text) {
            prop_assert_eq!(Name::new(name.as_str()), Ok(name.clone()), "what was made can be made again");
        }
        if let Ok(email) = EmailAddress::new(&text) {
            prop_assert_eq!(EmailAddress::new(email.as_str()), Ok(email.clone()));
        }
        let _ = Currency::new(&text);
        let _ = Address::new(&text, &text, &text, &text, &text);
    }
}
