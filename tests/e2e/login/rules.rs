//! Rules about who may come from where, in PostgreSQL's words.

use std::process::Command;

use tests::{Knock, Server};

use super::{outcome, psql, refused, says};

const RULES: &str = "
[[access]]
type = 'local'
database = 'all'
user = 'postgres'
method = 'trust'

[[access]]
type = 'host'
database = 'all'
user = ['mallory', '+banned']
address = '127.0.0.0/8'
method = 'reject'

[[access]]
type = 'hostssl'
database = ['secret', 'sameuser']
user = 'all'
address = 'samehost'
method = 'scram-sha-256'

[[access]]
type = 'host'
database = 'postgres'
user = ['postgres', '+staff']
address = '127.0.0.1/32'
method = 'scram-sha-256'

[[access]]
type = 'host'
database = 'postgres'
user = 'stranger'
address = '10.0.0.0/8'
method = 'scram-sha-256'
";

#[tokio::test(flavor = "multi_thread")]
async fn rules_decide_by_address_database_and_user() {
    let mut directory = None;
    let server = Server::start_with(|path| {
        directory = Some(path.to_owned());
        format!("socket_dir = '{}'\n{RULES}", path.display())
    });
    let admin = server.connect().await;
    let roles = "CREATE ROLE staff; CREATE ROLE banned; CREATE ROLE ann LOGIN PASSWORD 'pw' IN ROLE staff;
                 CREATE ROLE mallory LOGIN PASSWORD 'pw' IN ROLE staff; CREATE ROLE eve LOGIN PASSWORD 'pw' IN ROLE banned;
                 CREATE ROLE stranger LOGIN PASSWORD 'pw'; CREATE ROLE root LOGIN SUPERUSER PASSWORD 'pw'";
    admin.batch_execute(roles).await.expect("roles can be made");
    for database in ["secret", "ann", "stranger"] {
        admin.batch_execute(&format!("CREATE DATABASE {database}")).await.expect("databases can be made");
    }
    let connect = async |user: &str, database: &str, tls: &str| {
        psql(&server, &format!("user={user} dbname={database} sslmode={tls}"), "pw", "SELECT 1").await
    };
    says(&connect("ann", "postgres", "disable").await, "1");
    says(&connect("ann", "postgres", "require").await, "1");
    says(&connect("ann", "ann", "require").await, "1");
    says(&connect("stranger", "secret", "require").await, "1");
    let entry = |words: &str, user: &str, database: &str, encryption: &str| {
        format!("FATAL:  {words} host \"127.0.0.1\", user \"{user}\", database \"{database}\", {encryption}")
    };
    let (none, rejects) = ("no pg_hba.conf entry for", "pg_hba.conf rejects connection for");
    for (user, database, tls, words) in [
        ("mallory", "postgres", "disable", rejects),
        ("mallory", "mallory", "require", rejects),
        ("eve", "secret", "require", rejects),
        ("banned", "secret", "require", rejects),
        ("ann", "ann", "disable", none),
        ("stranger", "ann", "require", none),
        ("stranger", "postgres", "disable", none),
        // A superuser is a member of what it was granted, and of nothing else.
        ("root", "postgres", "disable", none),
        // What is not there is told no more than what is.
        ("nobody", "postgres", "disable", none),
        ("nobody", "nothing", "disable", none),
    ] {
        let encryption = if tls == "disable" { "no encryption" } else { "SSL encryption" };
        refused(&connect(user, database, tls).await, &entry(words, user, database, encryption));
    }

    let mut knock = Knock::plain(&server.config()).await.expect("the server listens");
    let refusal = outcome(&knock.startup("stranger", "postgres").await.expect("an answer"));
    assert!(refusal.starts_with("ErrorResponse FATAL 28000: no pg_hba.conf entry for host"), "{refusal}");

    let directory = directory.expect("the server has been started");
    let port = server.config().get_ports()[0].to_string();
    let local = |user: &str| {
        let mut command = Command::new("psql");
        command.args(["-X", "-A", "-t", "-h", &directory.to_string_lossy(), "-p", &port, "-U", user, "-d", "postgres"]);
        command.args(["-w", "-c", "SELECT current_user"]).output().expect("psql is installed")
    };
    says(&local("postgres"), "postgres");
    refused(
        &local("ann"),
        "no pg_hba.conf entry for host \"[local]\", user \"ann\", database \"postgres\", no encryption",
    );
    use std::os::unix::fs::PermissionsExt;
    let socket = directory.join(format!(".s.PGSQL.{port}"));
    let mode = std::fs::metadata(socket).expect("the socket is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o770);
}
