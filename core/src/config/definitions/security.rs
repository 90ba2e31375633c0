//! TLS, SASL, tokens and authorization.
//!
//! Names, types, defaults and ranges are those of Apache Kafka 4.3; the words are ours.

use crate::config::allowed::{ANY, at_least, between, one_of, one_of_any_case};

definitions! {
    /// TLS, SASL, tokens and authorization.
    SECURITY

    "authorizer.class.name": String = "", ANY, ReadOnly;
    "connection.failed.authentication.delay.ms": Int = "100", at_least(0), ReadOnly;
    "connections.max.reauth.ms": Long = "0", ANY, ReadOnly;
    "delegation.token.expiry.check.interval.ms": Long = "3600000", at_least(1), ReadOnly;
    "delegation.token.expiry.time.ms": Long = "86400000", at_least(1), ReadOnly;
    "delegation.token.max.lifetime.ms": Long = "604800000", at_least(1), ReadOnly;
    "delegation.token.secret.key": Password, ANY, ReadOnly;
    "principal.builder.class": Class = "org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder", ANY, PerBroker;
    "sasl.client.callback.handler.class": Class, ANY, ReadOnly;
    "sasl.enabled.mechanisms": List = "GSSAPI", ANY, PerBroker;
    "sasl.jaas.config": Password, ANY, PerBroker;
    "sasl.kerberos.kinit.cmd": String = "/usr/bin/kinit", ANY, PerBroker;
    "sasl.kerberos.min.time.before.relogin": Long = "60000", ANY, PerBroker;
    "sasl.kerberos.principal.to.local.rules": List = "DEFAULT", ANY, PerBroker;
    "sasl.kerberos.service.name": String, ANY, PerBroker;
    "sasl.kerberos.ticket.renew.jitter": Double = "0.05", ANY, PerBroker;
    "sasl.kerberos.ticket.renew.window.factor": Double = "0.8", ANY, PerBroker;
    "sasl.login.callback.handler.class": Class, ANY, ReadOnly;
    "sasl.login.class": Class, ANY, ReadOnly;
    "sasl.login.connect.timeout.ms": Int, ANY, ReadOnly;
    "sasl.login.read.timeout.ms": Int, ANY, ReadOnly;
    "sasl.login.refresh.buffer.seconds": Short = "300", ANY, PerBroker;
    "sasl.login.refresh.min.period.seconds": Short = "60", ANY, PerBroker;
    "sasl.login.refresh.window.factor": Double = "0.8", ANY, PerBroker;
    "sasl.login.refresh.window.jitter": Double = "0.05", ANY, PerBroker;
    "sasl.login.retry.backoff.max.ms": Long = "10000", ANY, ReadOnly;
    "sasl.login.retry.backoff.ms": Long = "100", ANY, ReadOnly;
    "sasl.mechanism.controller.protocol": String = "GSSAPI", ANY, ReadOnly;
    "sasl.mechanism.inter.broker.protocol": String = "GSSAPI", ANY, PerBroker;
    "sasl.oauthbearer.assertion.algorithm": String = "RS256", one_of_any_case(&["ES256", "RS256"]), ReadOnly;
    "sasl.oauthbearer.assertion.claim.aud": String, ANY, ReadOnly;
    "sasl.oauthbearer.assertion.claim.exp.seconds": Int = "300", between(0, 86_400), ReadOnly;
    "sasl.oauthbearer.assertion.claim.iss": String, ANY, ReadOnly;
    "sasl.oauthbearer.assertion.claim.jti.include": Boolean = "false", ANY, ReadOnly;
    "sasl.oauthbearer.assertion.claim.nbf.seconds": Int = "60", between(0, 3600), ReadOnly;
    "sasl.oauthbearer.assertion.claim.sub": String, ANY, ReadOnly;
    "sasl.oauthbearer.assertion.file": String, ANY, ReadOnly;
    "sasl.oauthbearer.assertion.private.key.file": String, ANY, ReadOnly;
    "sasl.oauthbearer.assertion.private.key.passphrase": Password, ANY, ReadOnly;
    "sasl.oauthbearer.assertion.template.file": String, ANY, ReadOnly;
    "sasl.oauthbearer.client.credentials.client.id": String, ANY, ReadOnly;
    "sasl.oauthbearer.client.credentials.client.secret": Password, ANY, ReadOnly;
    "sasl.oauthbearer.clock.skew.seconds": Int = "30", ANY, ReadOnly;
    "sasl.oauthbearer.expected.audience": List = "", ANY, ReadOnly;
    "sasl.oauthbearer.expected.issuer": String, ANY, ReadOnly;
    "sasl.oauthbearer.jwks.endpoint.refresh.ms": Long = "3600000", ANY, ReadOnly;
    "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms": Long = "10000", ANY, ReadOnly;
    "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms": Long = "100", ANY, ReadOnly;
    "sasl.oauthbearer.jwks.endpoint.url": String, ANY, ReadOnly;
    "sasl.oauthbearer.jwt.retriever.class": Class = "org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever", ANY, ReadOnly;
    "sasl.oauthbearer.jwt.validator.class": Class = "org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator", ANY, ReadOnly;
    "sasl.oauthbearer.scope": String, ANY, ReadOnly;
    "sasl.oauthbearer.scope.claim.name": String = "scope", ANY, ReadOnly;
    "sasl.oauthbearer.sub.claim.name": String = "sub", ANY, ReadOnly;
    "sasl.oauthbearer.token.endpoint.url": String, ANY, ReadOnly;
    "sasl.server.callback.handler.class": Class, ANY, ReadOnly;
    "sasl.server.max.receive.size": Int = "524288", ANY, ReadOnly;
    "security.inter.broker.protocol": String = "PLAINTEXT", one_of(&["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]), ReadOnly;
    "security.providers": String, ANY, ReadOnly;
    "ssl.allow.dn.changes": Boolean = "false", ANY, ReadOnly;
    "ssl.allow.san.changes": Boolean = "false", ANY, ReadOnly;
    "ssl.cipher.suites": List = "", ANY, PerBroker;
    "ssl.client.auth": String = "none", one_of(&["required", "requested", "none"]), PerBroker;
    "ssl.enabled.protocols": List = "TLSv1.2,TLSv1.3", ANY, PerBroker;
    "ssl.endpoint.identification.algorithm": String = "https", ANY, PerBroker;
    "ssl.engine.factory.class": Class, ANY, PerBroker;
    "ssl.key.password": Password, ANY, PerBroker;
    "ssl.keymanager.algorithm": String = "SunX509", ANY, PerBroker;
    "ssl.keystore.certificate.chain": Password, ANY, PerBroker;
    "ssl.keystore.key": Password, ANY, PerBroker;
    "ssl.keystore.location": String, ANY, PerBroker;
    "ssl.keystore.password": Password, ANY, PerBroker;
    "ssl.keystore.type": String = "JKS", ANY, PerBroker;
    "ssl.principal.mapping.rules": String = "DEFAULT", ANY, ReadOnly;
    "ssl.protocol": String = "TLSv1.3", ANY, PerBroker;
    "ssl.provider": String, ANY, PerBroker;
    "ssl.secure.random.implementation": String, ANY, PerBroker;
    "ssl.trustmanager.algorithm": String = "PKIX", ANY, PerBroker;
    "ssl.truststore.certificates": Password, ANY, PerBroker;
    "ssl.truststore.location": String, ANY, PerBroker;
    "ssl.truststore.password": Password, ANY, PerBroker;
    "ssl.truststore.type": String = "JKS", ANY, PerBroker;
}
