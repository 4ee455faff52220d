// Notifications and live queries by pgJDBC, as it is. Where the server is, PGHOST and its like say.

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayDeque;
import java.util.Queue;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;

public class Live {
    static Connection connect() throws SQLException {
        String url = "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE");
        return DriverManager.getConnection(url + "?sslmode=disable", System.getenv("PGUSER"), System.getenv("PGPASSWORD"));
    }

    static void execute(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) { statement.execute(sql); }
    }

    static void check(boolean holds, Object what) {
        if (!holds) throw new AssertionError(what);
    }

    final Connection connection = connect();
    final Queue<PGNotification> told = new ArrayDeque<>();

    Live() throws SQLException {}

    // Waits for the next notification.
    PGNotification next() throws SQLException {
        while (told.isEmpty()) {
            PGNotification[] more = connection.unwrap(PGConnection.class).getNotifications(0);
            for (PGNotification one : more) told.add(one);
        }
        return told.remove();
    }

    String event() throws SQLException { return next().getParameter(); }

    static String firstRow(PreparedStatement statement) throws SQLException {
        try (ResultSet rows = statement.executeQuery()) {
            return rows.next() ? rows.getInt(1) + " " + rows.getString(2) : "none";
        }
    }

    public static void main(String[] arguments) throws SQLException {
        Connection writer = connect();
        execute(writer, "CREATE TABLE message (id int PRIMARY KEY, room int, author text)");
        Live listener = new Live();

        // Plain notifications.
        execute(listener.connection, "LISTEN room");
        execute(writer, "NOTIFY room, 'hello'");
        PGNotification heard = listener.next();
        check(heard.getName().equals("room") && heard.getParameter().equals("hello"), heard);
        check(heard.getPID() == writer.unwrap(PGConnection.class).getBackendPID(), heard.getPID());

        // A live query with a parameter, also once the driver has it prepared.
        execute(writer, "INSERT INTO message VALUES (1, 7, 'ann'), (2, 8, 'bob')");
        try (PreparedStatement listen = listener.connection.prepareStatement("LISTEN room7 FOR SELECT id, author FROM message WHERE room = ?")) {
            for (int time = 0; time < 8; time++) {
                listen.setInt(1, time % 2 == 0 ? 8 : 7);
                check(firstRow(listen).equals(time % 2 == 0 ? "2 bob" : "1 ann"), time);
                check(listener.event().startsWith("{\"type\":\"ready\""), time);
            }
        }
        execute(writer, "UPDATE message SET author = 'eve' WHERE room = 7");
        String change = listener.event();
        check(change.endsWith("\"changes\":[{\"op\":\"update\",\"new\":{\"id\":1,\"author\":\"eve\"},\"old\":{\"id\":1,\"author\":\"ann\"}}]}"), change);

        // What is committed while the listener is in a transaction comes after it.
        listener.connection.setAutoCommit(false);
        execute(listener.connection, "SELECT 1");
        execute(writer, "DELETE FROM message WHERE id = 1");
        execute(listener.connection, "SELECT 1");
        check(listener.connection.unwrap(PGConnection.class).getNotifications().length == 0, "told in a transaction");
        listener.connection.commit();
        listener.connection.setAutoCommit(true);
        change = listener.event();
        check(change.contains("\"op\":\"delete\""), change);

        // A cursor.
        try (Statement statement = listener.connection.createStatement()) {
            statement.execute("DECLARE c CURSOR FOR LIVE SELECT id, author FROM message");
            try (ResultSet rows = statement.executeQuery("FETCH ALL FROM c")) {
                check(rows.next() && rows.getString("_op").equals("insert") && rows.getInt("id") == 2, "the first row");
                check(rows.next() && rows.getString("_op").equals("ready") && !rows.next(), "ready");
            }
        }
        System.out.println("ok");
    }
}
