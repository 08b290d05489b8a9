/* Login.java: logs in by JDBC and says as whom. usage: java -cp postgresql.jar:. Login URL [PASSWORD]
 * HOLD in the environment: stays until the session ends. */
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.util.Properties;

public class Login {
    static final String QUERY = "select current_user || ' ' || current_database() || ' ' || client_dn"
            + " from pg_stat_ssl where pid = pg_backend_pid()";

    public static void main(String[] arguments) throws Exception {
        Properties more = new Properties();
        if (arguments.length > 1)
            more.setProperty("sslpassword", arguments[1]); // of a PKCS#12
        try (Connection c = DriverManager.getConnection(arguments[0], more);
                ResultSet r = c.createStatement().executeQuery(QUERY)) {
            r.next();
            System.out.println(r.getString(1));
            if (System.getenv("HOLD") != null)
                c.createStatement().execute("select pg_sleep(60)");
        }
    }
}
