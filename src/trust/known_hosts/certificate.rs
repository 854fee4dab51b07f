//! Host certificates.
//!
//! A certificate is judged in OpenSSH's order: revoked, authority on file, then the certificate
//! itself. One that does not convince is set aside, and the key inside is judged as a plain key.

use ssh_key::Certificate;
use ssh_key::certificate::CertType;
use ssh_key::public::KeyData;

use super::check::{Found, print_of};
use super::line::Marker;
use super::signature::verify_certificate;
use super::{Entry, KnownHosts, Verdict, VerdictKind};

impl KnownHosts {
    /// Judges a host certificate at the given time; for `name` and `port` see
    /// [`check_key`](Self::check_key). The name without port is what the principals must hold.
    pub fn check_certificate(
        &self,
        name: &str,
        port: u16,
        certificate: &Certificate,
        now_unix: u64,
    ) -> Verdict {
        let found = self.look_up(name, port);
        let (key, authority) = (certificate.public_key(), certificate.signature_key());
        if let Some(verdict) = self.revoked_verdict(&found, key, Some(authority)) {
            return verdict;
        }
        let problem = match self.trusting(&found, certificate) {
            Err(problem) => problem,
            Ok(entry) => match self.objection(name, certificate, now_unix) {
                None => return self.ca_verdict(&found, certificate, entry),
                Some(objection) => objection,
            },
        };
        let mut verdict = self.judge_key_inside(&found, key, authority);
        verdict.reason = format!(
            "{} offered a host certificate that does not count: {problem}. Its key by itself: {}",
            found.label, verdict.reason
        );
        verdict
    }

    /// Judges the key of a certificate that was set aside. When no authority of the full name
    /// signed it, OpenSSH takes certificate and key to the bare name before it comes back to the
    /// plain keys of the full name; a match there is a yes, whatever key the full name has.
    fn judge_key_inside(&self, found: &Found, key: &KeyData, authority: &KeyData) -> Verdict {
        let signed = self.hold(&found.own, Marker::CertAuthority);
        if signed.iter().any(|entry| entry.key == *authority) {
            return self.judge_key(found, key);
        }
        self.known_by_bare_name(found, key)
            .unwrap_or_else(|| self.judge_key(found, key))
    }

    /// The line that trusts the certificate's authority for this name.
    fn trusting(&self, found: &Found, certificate: &Certificate) -> Result<&Entry, String> {
        let authority = certificate.signature_key();
        let mut others = Vec::new();
        for ids in found.in_order() {
            for entry in self.hold(ids, Marker::CertAuthority) {
                if entry.key == *authority {
                    return Ok(entry);
                }
                others.push(entry);
            }
        }
        let signer = print_of(authority);
        if others.is_empty() {
            return Err(format!(
                "no authority is on file for this name, and {signer} signed it"
            ));
        }
        Err(format!(
            "{signer} signed it, which is not the authority in {}",
            self.places(&others)
        ))
    }

    /// Why the certificate is not valid for this name now; `None` when it is.
    fn objection(&self, name: &str, certificate: &Certificate, now: u64) -> Option<String> {
        if certificate.cert_type() != CertType::Host {
            return Some("it is a user certificate".to_owned());
        }
        if now < certificate.valid_after() {
            return Some(format!(
                "it is not valid before {}",
                utc(certificate.valid_after())
            ));
        }
        if now >= certificate.valid_before() {
            return Some(format!("it expired at {}", utc(certificate.valid_before())));
        }
        let principals = certificate.valid_principals();
        // As OpenSSH 9.2: no principals means every name, and a principal is no pattern.
        if !principals.is_empty() && !principals.iter().any(|principal| principal == name) {
            return Some(format!(
                "it is for {}, not for {name}",
                principals.join(", ")
            ));
        }
        if let Some((option, _)) = certificate.critical_options().iter().next() {
            return Some(format!(
                "it has the critical option \"{option}\", which no host may have"
            ));
        }
        let algorithm = certificate.signature().algorithm();
        if !self.authorities.allow(algorithm.as_str()) {
            return Some(format!(
                "it is signed with {algorithm}, which is not allowed"
            ));
        }
        verify_certificate(certificate).err()
    }

    fn ca_verdict(&self, found: &Found, certificate: &Certificate, entry: &Entry) -> Verdict {
        let reason = format!(
            "{} offered {} with a certificate \"{}\" signed by {}, the authority in {}.",
            found.label,
            print_of(certificate.public_key()),
            certificate.key_id().escape_default(),
            print_of(certificate.signature_key()),
            self.place(entry),
        );
        self.verdict(VerdictKind::Ca, found, &[entry], reason)
    }
}

/// Seconds since 1970 as a UTC time; the proleptic Gregorian calendar by whole days.
fn utc(unix: u64) -> String {
    let (days, second) = (unix / 86_400, unix % 86_400);
    if days > 3_000_000 {
        return "the end of time".to_owned();
    }
    // Days are counted from 0000-03-01, so that a leap day ends its year.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::utc;

    #[test]
    fn times_are_shown_in_utc() {
        for (unix, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (4_102_444_800, "2100-01-01T00:00:00Z"),
            (u64::MAX, "the end of time"),
        ] {
            assert_eq!(utc(unix), text);
        }
    }
}
