//! TLS, SASL, tokens and authorization.
//!
//! Names, types, defaults and ranges are those of Apache Kafka 4.3; the words are ours.

use crate::config::allowed::{ANY, at_least, between, one_of, one_of_any_case};

definitions! {
    /// TLS, SASL, tokens and authorization.
    SECURITY

    /// The Java class that decides who may do what; empty for nobody: all may do all.
    "authorizer.class.name": String = "", ANY, ReadOnly;
    /// How long a connection stays open after it failed to authenticate, so that guessing is slow.
    "connection.failed.authentication.delay.ms": Int = "100", at_least(0), ReadOnly;
    /// After how long a connection must authenticate again; 0 for never.
    "connections.max.reauth.ms": Long = "0", ANY, ReadOnly;
    /// How often delegation tokens are looked for that are past their time.
    "delegation.token.expiry.check.interval.ms": Long = "3600000", at_least(1), ReadOnly;
    /// How long a delegation token is valid before it must be renewed.
    "delegation.token.expiry.time.ms": Long = "86400000", at_least(1), ReadOnly;
    /// How long a delegation token can be renewed.
    "delegation.token.max.lifetime.ms": Long = "604800000", at_least(1), ReadOnly;
    /// The secret that delegation tokens are made with; all brokers need the same.
    "delegation.token.secret.key": Password, ANY, ReadOnly;
    /// The Java class that says who a client is.
    "principal.builder.class": Class = "org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder",
        ANY, PerBroker;
    /// The Java class that answers questions of SASL where the broker is the client.
    "sasl.client.callback.handler.class": Class, ANY, ReadOnly;
    /// SASL mechanisms that clients may use.
    "sasl.enabled.mechanisms": List = "GSSAPI", ANY, PerBroker;
    /// How a SASL login is set up, in the form of JAAS files.
    "sasl.jaas.config": Password, ANY, PerBroker;
    /// The path of Kerberos' kinit.
    "sasl.kerberos.kinit.cmd": String = "/usr/bin/kinit", ANY, PerBroker;
    /// How long at least between two refreshes of a Kerberos login.
    "sasl.kerberos.min.time.before.relogin": Long = "60000", ANY, PerBroker;
    /// Rules that turn Kerberos principals into short names.
    "sasl.kerberos.principal.to.local.rules": List = "DEFAULT", ANY, PerBroker;
    /// The Kerberos principal that brokers run as.
    "sasl.kerberos.service.name": String, ANY, PerBroker;
    /// How much chance there is in the time of a Kerberos renewal.
    "sasl.kerberos.ticket.renew.jitter": Double = "0.05", ANY, PerBroker;
    /// After which part of its life a Kerberos ticket is renewed.
    "sasl.kerberos.ticket.renew.window.factor": Double = "0.8", ANY, PerBroker;
    /// The Java class that answers questions of a SASL login.
    "sasl.login.callback.handler.class": Class, ANY, ReadOnly;
    /// The Java class that does a SASL login.
    "sasl.login.class": Class, ANY, ReadOnly;
    /// How long a connection to an OAuth provider may take.
    "sasl.login.connect.timeout.ms": Int, ANY, ReadOnly;
    /// How long an OAuth provider may take to answer.
    "sasl.login.read.timeout.ms": Int, ANY, ReadOnly;
    /// How long before its end a credential is refreshed at the latest.
    "sasl.login.refresh.buffer.seconds": Short = "300", ANY, PerBroker;
    /// How long at least between two refreshes of a credential.
    "sasl.login.refresh.min.period.seconds": Short = "60", ANY, PerBroker;
    /// After which part of its life a credential is refreshed.
    "sasl.login.refresh.window.factor": Double = "0.8", ANY, PerBroker;
    /// How much chance there is in the time of a credential's refresh.
    "sasl.login.refresh.window.jitter": Double = "0.05", ANY, PerBroker;
    /// How long a failed login at an OAuth provider waits at most before it is tried again.
    "sasl.login.retry.backoff.max.ms": Long = "10000", ANY, ReadOnly;
    /// How long a failed login at an OAuth provider waits at first before it is tried again.
    "sasl.login.retry.backoff.ms": Long = "100", ANY, ReadOnly;
    /// The SASL mechanism for connections to controllers.
    "sasl.mechanism.controller.protocol": String = "GSSAPI", ANY, ReadOnly;
    /// The SASL mechanism for connections between brokers.
    "sasl.mechanism.inter.broker.protocol": String = "GSSAPI", ANY, PerBroker;
    /// How an OAuth assertion is signed.
    "sasl.oauthbearer.assertion.algorithm": String = "RS256", one_of_any_case(&["ES256", "RS256"]), ReadOnly;
    /// For whom an OAuth assertion is meant.
    "sasl.oauthbearer.assertion.claim.aud": String, ANY, ReadOnly;
    /// How long an OAuth assertion is valid.
    "sasl.oauthbearer.assertion.claim.exp.seconds": Int = "300", between(0, 86_400), ReadOnly;
    /// Who issued an OAuth assertion.
    "sasl.oauthbearer.assertion.claim.iss": String, ANY, ReadOnly;
    /// Whether an OAuth assertion has an id of its own.
    "sasl.oauthbearer.assertion.claim.jti.include": Boolean = "false", ANY, ReadOnly;
    /// How far before the present an OAuth assertion begins to be valid.
    "sasl.oauthbearer.assertion.claim.nbf.seconds": Int = "60", between(0, 3600), ReadOnly;
    /// Whom an OAuth assertion is about.
    "sasl.oauthbearer.assertion.claim.sub": String, ANY, ReadOnly;
    /// A file that holds a finished OAuth assertion.
    "sasl.oauthbearer.assertion.file": String, ANY, ReadOnly;
    /// A file that holds the key for signing OAuth assertions.
    "sasl.oauthbearer.assertion.private.key.file": String, ANY, ReadOnly;
    /// The passphrase of that key.
    "sasl.oauthbearer.assertion.private.key.passphrase": Password, ANY, ReadOnly;
    /// A file with more headers and claims for OAuth assertions.
    "sasl.oauthbearer.assertion.template.file": String, ANY, ReadOnly;
    /// The client id for the OAuth client credentials grant.
    "sasl.oauthbearer.client.credentials.client.id": String, ANY, ReadOnly;
    /// The client secret for the OAuth client credentials grant.
    "sasl.oauthbearer.client.credentials.client.secret": Password, ANY, ReadOnly;
    /// How far the clocks of broker and OAuth provider may differ.
    "sasl.oauthbearer.clock.skew.seconds": Int = "30", ANY, ReadOnly;
    /// One of these must be the audience of an OAuth token.
    "sasl.oauthbearer.expected.audience": List = "", ANY, ReadOnly;
    /// Who must have issued an OAuth token.
    "sasl.oauthbearer.expected.issuer": String, ANY, ReadOnly;
    /// How often the keys of the OAuth provider are fetched.
    "sasl.oauthbearer.jwks.endpoint.refresh.ms": Long = "3600000", ANY, ReadOnly;
    /// How long a failed fetch of keys waits at most before it is tried again.
    "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms": Long = "10000", ANY, ReadOnly;
    /// How long a failed fetch of keys waits at first before it is tried again.
    "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms": Long = "100", ANY, ReadOnly;
    /// Where the keys of the OAuth provider are.
    "sasl.oauthbearer.jwks.endpoint.url": String, ANY, ReadOnly;
    /// The Java class that gets OAuth tokens.
    "sasl.oauthbearer.jwt.retriever.class": Class = "org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever",
        ANY, ReadOnly;
    /// The Java class that checks OAuth tokens.
    "sasl.oauthbearer.jwt.validator.class": Class = "org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator",
        ANY, ReadOnly;
    /// The scope that OAuth tokens are asked for.
    "sasl.oauthbearer.scope": String, ANY, ReadOnly;
    /// The name of the claim that holds the scope.
    "sasl.oauthbearer.scope.claim.name": String = "scope", ANY, ReadOnly;
    /// The name of the claim that holds the subject.
    "sasl.oauthbearer.sub.claim.name": String = "sub", ANY, ReadOnly;
    /// Where OAuth tokens come from.
    "sasl.oauthbearer.token.endpoint.url": String, ANY, ReadOnly;
    /// The Java class that answers questions of SASL where the broker is the server.
    "sasl.server.callback.handler.class": Class, ANY, ReadOnly;
    /// How large a SASL message may be before a client is authenticated.
    "sasl.server.max.receive.size": Int = "524288", ANY, ReadOnly;
    /// The security protocol between brokers.
    "security.inter.broker.protocol": String = "PLAINTEXT",
        one_of(&["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]), ReadOnly;
    /// Java classes that provide security algorithms.
    "security.providers": String, ANY, ReadOnly;
    /// Whether a new certificate may have another distinguished name than the old one.
    "ssl.allow.dn.changes": Boolean = "false", ANY, ReadOnly;
    /// Whether a new certificate may lack alternative names of the old one.
    "ssl.allow.san.changes": Boolean = "false", ANY, ReadOnly;
    /// Cipher suites that may be used; empty for all that there are.
    "ssl.cipher.suites": List = "", ANY, PerBroker;
    /// Whether clients must show a certificate, may, or are not asked.
    "ssl.client.auth": String = "none", one_of(&["required", "requested", "none"]), PerBroker;
    /// Versions of TLS that may be used.
    "ssl.enabled.protocols": List = "TLSv1.2,TLSv1.3", ANY, PerBroker;
    /// How the host's name is checked against its certificate; empty for not at all.
    "ssl.endpoint.identification.algorithm": String = "https", ANY, PerBroker;
    /// The Java class that makes TLS engines.
    "ssl.engine.factory.class": Class, ANY, PerBroker;
    /// The password of the private key.
    "ssl.key.password": Password, ANY, PerBroker;
    /// How key managers are made.
    "ssl.keymanager.algorithm": String = "SunX509", ANY, PerBroker;
    /// The certificates, in PEM form.
    "ssl.keystore.certificate.chain": Password, ANY, PerBroker;
    /// The private key, in PEM form.
    "ssl.keystore.key": Password, ANY, PerBroker;
    /// The file of the key store.
    "ssl.keystore.location": String, ANY, PerBroker;
    /// The password of the key store.
    "ssl.keystore.password": Password, ANY, PerBroker;
    /// The form of the key store.
    "ssl.keystore.type": String = "JKS", ANY, PerBroker;
    /// Rules that turn distinguished names into short names.
    "ssl.principal.mapping.rules": String = "DEFAULT", ANY, ReadOnly;
    /// The version of TLS that contexts are made for.
    "ssl.protocol": String = "TLSv1.3", ANY, PerBroker;
    /// The security provider for TLS.
    "ssl.provider": String, ANY, PerBroker;
    /// The random number generator for TLS.
    "ssl.secure.random.implementation": String, ANY, PerBroker;
    /// How trust managers are made.
    "ssl.trustmanager.algorithm": String = "PKIX", ANY, PerBroker;
    /// Certificates that are trusted, in PEM form.
    "ssl.truststore.certificates": Password, ANY, PerBroker;
    /// The file of the trust store.
    "ssl.truststore.location": String, ANY, PerBroker;
    /// The password of the trust store.
    "ssl.truststore.password": Password, ANY, PerBroker;
    /// The form of the trust store.
    "ssl.truststore.type": String = "JKS", ANY, PerBroker;
}
